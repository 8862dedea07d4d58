// holds sweep

const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
const { grouped, listFindings, quote } = require('../output.js');
const { openSweepProgress } = require('../progress.js');
const { addSettings, clientOptions } = require('../settings.js');

/** @typedef {import('../..').ReleaseExpiredHoldsResult} Swept */

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addHolds(program, take) {
  const holds = program.command('holds').description('manage holds');
  addSettings(holds.command('sweep'))
    .description('release all expired holds: their money goes back to the balances')
    .addHelpText(
      'after',
      `
Releases the open holds of all users that expired at least 10 seconds ago. Each release has its own key,
so the command can be interrupted, run again, and run several times at once.

Needs the index OpenHolds (tables create --holds), dynamodb:Scan on it, dynamodb:UpdateItem on the table of
transactions, and the permissions for transactions. It costs half a read unit for each 4 KB of open holds,
and 7 write units for each hold that is released by itself.

Exit code 0: done; 1: some holds could not be released and are still open.

Example:
  dynamodb-balance holds sweep --region eu-central-1 --json`,
    )
    .action(async (options) => take(await sweep(options)));
}

/** @param {Record<string, any>} options */
async function sweep(options) {
  const { BalanceClient } = require('../..');
  const client = new BalanceClient(clientOptions(options));
  const progress = openSweepProgress();
  let released = 0;
  try {
    const swept = await untilInterrupted(
      () =>
        client.releaseExpiredHolds({
          onProgress: (news) => {
            released = news.released;
            progress.show(news);
          },
        }),
      options['json'],
      () => {
        progress.stop();
        return `Interrupted. At least ${grouped(released)} holds were released; run it again for the others.`;
      },
    );
    return describe(swept);
  } finally {
    progress.stop();
  }
}

/**
 * @param {Swept} swept
 * @returns {import('../output.js').Result}
 */
function describe({ released, failures }) {
  const lines = failures.map(({ hold, error }) => `hold ${quote(hold)}: ${error.message}`);
  return {
    document: {
      released,
      failures: failures.map(({ hold, error: { code, message } }) => ({ hold, code, message })),
    },
    text: [
      `Released ${grouped(released)} expired ${released === 1 ? 'hold' : 'holds'}.`,
      ...listFindings('Not released', failures.length, lines),
    ].join('\n'),
    exitCode: failures.length > 0 ? EXIT.FINDINGS : EXIT.SUCCESS,
  };
}

module.exports = { addHolds };
