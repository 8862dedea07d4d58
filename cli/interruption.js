// Ctrl-C: says what is known, and ends. A second one ends at once.

const { EXIT } = require('./exit-codes.js');
const { writeError } = require('./output.js');

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM']);

/**
 * Carries out work that may be broken off at any moment.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {boolean} asJson
 * @param {() => string} known what to tell on an interruption
 * @returns {Promise<T>}
 */
async function untilInterrupted(work, asJson, known) {
  return await listen(work, () => {
    writeError({ code: 'INTERRUPTED', message: known(), retryable: true }, asJson);
    process.exit(EXIT.INTERRUPTED);
  });
}

/**
 * Carries out work that finds out itself what an interruption means.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withInterruption(work) {
  const interruption = new AbortController();
  return await listen(
    () => work(interruption.signal),
    () => interruption.abort(),
  );
}

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {() => void} react
 */
async function listen(work, react) {
  for (const signal of SIGNALS) {
    process.once(signal, react);
  }
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) {
      process.removeListener(signal, react);
    }
  }
}

module.exports = { untilInterrupted, withInterruption };
