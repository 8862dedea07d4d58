// Results go to stdout, everything else to stderr. With --json, stdout gets exactly one JSON
// document, whether it is a result or an error; of a history, one a line.

// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:crypto.
const { randomUUID } = require('crypto');

/**
 * What a command came to.
 *
 * @typedef {object} Result
 * @property {unknown} [document] for machines
 * @property {string} [text] for people; without it everything has been written already
 * @property {number} exitCode
 */

/**
 * @param {Result} result
 * @param {boolean} asJson
 */
function writeResult({ document, text }, asJson) {
  if (text !== undefined) {
    process.stdout.write(`${asJson ? toJson(document) : text}\n`);
  }
}

/**
 * Writes lines as fast as they are read.
 *
 * @param {string[]} lines
 * @returns {Promise<boolean>} whether anybody still reads them
 */
async function writeLines(lines) {
  const { stdout } = process;
  if (lines.length > 0 && stdout.writable && !stdout.write(`${lines.join('\n')}\n`)) {
    await new Promise((resolve) => {
      stdout.once('drain', resolve);
      stdout.once('close', resolve);
    });
  }
  return stdout.writable;
}

/** A decimal as text, which is to be a number in JSON. */
class ExactNumber {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * As JSON.stringify does it, but with every digit of an ExactNumber: JSON has no limit on them.
 *
 * @param {unknown} document
 */
function toJson(document) {
  // No text can be taken for it: nobody could have known it.
  const mark = randomUUID();
  const json = JSON.stringify(
    document,
    (_name, value) => (value instanceof ExactNumber ? `${mark}${value.text}` : value),
    2,
  );
  return json.replace(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1');
}

/**
 * As JSON in one line, because a history is one document a line.
 *
 * @param {unknown} error
 * @param {boolean} asJson
 */
function writeError(error, asJson) {
  const { code, message, retryable, cause } = describe(error);
  if (asJson) {
    const document = { error: { code, message, retryable, ...(cause && { cause }) } };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  process.stderr.write(`dynamodb-balance: ${harmless(message)} [${code}]\n`);
  if (cause !== undefined && !message.includes(cause)) {
    process.stderr.write(`  underneath: ${harmless(cause)}\n`);
  }
}

/**
 * Errors of this package have a code of their own; any other is a defect.
 *
 * @param {unknown} error
 */
function describe(error) {
  const { code, message, retryable, cause } = Object(error);
  return typeof retryable === 'boolean'
    ? { code, message, retryable, cause: cause?.message }
    : {
        code: 'INTERNAL_ERROR',
        message: `Internal error: ${message ?? error}`,
        retryable: false,
        cause: undefined,
      };
}

/**
 * Text from the tables in quotation marks, without anything that a terminal would act upon.
 *
 * @param {string} text
 */
function quote(text) {
  return harmless(JSON.stringify(text));
}

/**
 * Control characters, and those that change the direction of writing, spelt out.
 *
 * @param {string} text
 */
function harmless(text) {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Whoever read the output has gone (`… | head`): there is nobody left to tell. */
function endQuietlyWithoutReader() {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code !== 'EPIPE') {
        throw error;
      }
    });
  }
}

/**
 * 1234567 as 1,234,567.
 *
 * @param {number} count
 */
function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** How many findings of a kind a person is shown. */
const SHOWN = 20;

/**
 * Findings of one kind for a person: how many there are, and the first of them.
 *
 * @param {string} title
 * @param {number} count
 * @param {string[]} lines those that are known
 * @returns {string[]} nothing if there are none
 */
function listFindings(title, count, lines) {
  if (count === 0) {
    return [];
  }
  const shown = lines.slice(0, SHOWN).map((line) => `  ${line}`);
  const more = count - shown.length;
  const listed = lines.length < count ? `the first ${grouped(lines.length)}` : 'all';
  const rest = more > 0 ? [`  and ${grouped(more)} more; --json lists ${listed}`] : [];
  return ['', `${title}: ${grouped(count)}`, ...shown, ...rest];
}

module.exports = {
  ExactNumber,
  endQuietlyWithoutReader,
  grouped,
  listFindings,
  quote,
  writeError,
  writeLines,
  writeResult,
};
