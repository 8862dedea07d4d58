// A progress bar on stderr, for a person who watches; silent otherwise.

const { Format, SingleBar } = require('cli-progress');

/** @typedef {import('./native.js').AuditProgress} AuditProgress */

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

module.exports = { openProgress };
