// Progress on stderr: a bar for a person who watches an audit, a line for an index that is being built.

const { Format, SingleBar } = require('cli-progress');

/** @typedef {import('./native.js').AuditProgress} AuditProgress */

/** @typedef {import('./native.js').IndexState} IndexState */

/** @returns {{ show: (progress: AuditProgress) => void, stop: () => void }} */
function openProgress() {
  if (!process.stderr.isTTY) {
    return { show: () => {}, stop: () => {} };
  }
  const bar = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    // How much there is, DynamoDB only estimates.
    format: (options, parameters, payload) => {
      const { value, total } = parameters;
      const drawn = Format.BarFormat(Math.min(1, total === 0 ? 0 : value / total), {
        ...options,
        barCompleteString: '='.repeat(options.barsize ?? 40),
        barIncompleteString: '-'.repeat(options.barsize ?? 40),
      });
      return `Pass ${payload.pass} [${drawn}] ${value.toLocaleString('en')} items`;
    },
  });
  let isStarted = false;
  return {
    show({ pass, read, total = read }) {
      const size = Math.max(read, total);
      if (!isStarted) {
        bar.start(size, read, { pass });
        isStarted = true;
      }
      bar.setTotal(size);
      bar.update(read, { pass });
    },
    stop: () => bar.stop(),
  };
}

/**
 * DynamoDB does not say how far it is, only what it is doing. On a terminal one line shows that and
 * counts the seconds; elsewhere each change is a line of its own.
 *
 * @returns {{ show: (state: IndexState) => void, stop: () => void }}
 */
function openIndexProgress() {
  const { stderr } = process;
  const began = Date.now();
  let last = '';
  return {
    show({ index, status, isBackfilling }) {
      const words = `Index ${index}: ${status}${isBackfilling ? ', adding the records that are there' : ''}`;
      if (stderr.isTTY) {
        stderr.write(`\r\u001B[K${words}, ${Math.round((Date.now() - began) / 1000)} s`);
      } else if (words !== last) {
        stderr.write(`${words}\n`);
      }
      last = words;
    },
    stop() {
      if (stderr.isTTY && last !== '') {
        stderr.write('\r\u001B[K');
      }
      last = '';
    },
  };
}

/**
 * On a terminal one line that counts; elsewhere nothing.
 *
 * @returns {{ show: (progress: { released: number, failed: number }) => void, stop: () => void }}
 */
function openSweepProgress() {
  const { stderr } = process;
  let isShown = false;
  return {
    show({ released }) {
      if (stderr.isTTY) {
        stderr.write(`\r\u001B[KReleased ${released.toLocaleString('en')} holds`);
        isShown = true;
      }
    },
    stop() {
      if (isShown) {
        stderr.write('\r\u001B[K');
        isShown = false;
      }
    },
  };
}

module.exports = { openIndexProgress, openProgress, openSweepProgress };
