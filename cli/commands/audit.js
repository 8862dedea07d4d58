// audit

const { toAuditReport } = require('../../answers.js');
const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
const { grouped, listFindings, quote } = require('../output.js');
const { addSettings, clientOptions } = require('../settings.js');

/** @typedef {import('../native.js').AuditReport} AuditReport */

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addAudit(program, take) {
  addSettings(program.command('audit'))
    .description('compare every balance with the records; changes nothing')
    .addHelpText(
      'after',
      `
Reads both tables to the end, in parallel segments and strongly consistent, and reports every user
whose balance is not the default balance plus the records, every user for whom other money is held than
what the open holds have, every balance below zero and every item that this package would not have
written. Give the --default-balance that your application uses; where another one fits, it says so.

Money may move meanwhile. Who does not add up is looked at again, until no record was added between
two looks: only then it is an error. Who keeps moving is reported as busy, and not judged.

It costs one read unit for each 4 KB of both tables, and again for that of transactions on each
further pass, of which there are at most three and usually none. docs/command-line.md has the
limits.

Needs dynamodb:Scan on both tables, dynamodb:BatchGetItem on the table of balances, and
dynamodb:DescribeTable for the progress bar.

Exit code 0: all is well; 1: something is wrong; 6: nothing wrong, but some users were busy.

Example:
  dynamodb-balance audit --json > audit.json`,
    )
    .action(async (options) => take(await audit(options)));
}

/** @param {Record<string, any>} options */
async function audit(options) {
  const native = require('../native.js');
  const { openProgress } = require('../progress.js');
  const progress = openProgress();
  let read = 0;
  try {
    const report = await untilInterrupted(
      () =>
        native.audit(clientOptions(options), (news) => {
          read = news.read;
          progress.show(news);
        }),
      options['json'],
      () => {
        progress.stop();
        return `Interrupted after ${grouped(read)} items of this pass. There is no verdict, and nothing was changed.`;
      },
    );
    return describe(report);
  } finally {
    progress.stop();
  }
}

/**
 * @param {AuditReport} report
 * @returns {import('../output.js').Result}
 */
function describe(report) {
  const { users, records, passes, defaultBalance, fittingDefaultBalance } = report;
  const document = toAuditReport(report);
  const { verdict } = document;
  const exitCodes = { right: EXIT.SUCCESS, wrong: EXIT.FINDINGS, busy: EXIT.TRY_AGAIN };
  return {
    document,
    text: [
      `Read ${grouped(users)} users and ${grouped(records)} records in ${passes} ${passes === 1 ? 'pass' : 'passes'}.`,
      ...(fittingDefaultBalance === undefined ? [] : ['', advice(report)]),
      ...kinds(report),
      ...(verdict === 'right'
        ? [
            `Every balance is the default balance of ${defaultBalance} plus its records, and what is held is in open holds.`,
          ]
        : []),
    ].join('\n'),
    exitCode: exitCodes[verdict],
  };
}

/** @param {AuditReport} report */
function advice({ defaultBalance, fittingDefaultBalance }) {
  return `The users who do not add up with the default balance of ${defaultBalance} would with ${fittingDefaultBalance}. If that is what your application uses, run the audit again with --default-balance ${fittingDefaultBalance}. If it is not, somebody has created these users with it.`;
}

/** @param {AuditReport} report */
function kinds(report) {
  return [
    ...listFindings(
      'Not the default balance plus the records',
      report.mismatchCount,
      report.mismatches.map(
        ({ userId, balance, expected, records }) =>
          `user ${quote(userId)}: ${balance ?? 'nothing'} is stored, but ${grouped(records)} records lead to ${expected}`,
      ),
    ),
    ...listFindings(
      'Not held what the open holds have',
      report.heldMismatchCount,
      report.heldMismatches.map(
        ({ userId, held, expected, openHolds }) =>
          `user ${quote(userId)}: ${held ?? 'nothing'} is held, but ${grouped(openHolds)} open holds have ${expected}`,
      ),
    ),
    ...listFindings(
      'Below zero',
      report.negativeCount,
      report.negatives.map(({ userId, balance }) => `user ${quote(userId)}: ${balance}`),
    ),
    ...listFindings(
      'Malformed',
      report.malformedCount,
      report.malformed.map(({ table, key, complaint }) =>
        table === 'balancesTable'
          ? `balance of user ${quote(key)}: ${complaint}`
          : `record with key ${quote(key)}: ${complaint}`,
      ),
    ),
    ...listFindings(
      'Busy, not judged (run it again when there is less going on)',
      report.busyCount,
      report.busy.map((userId) => `user ${quote(userId)}`),
    ),
  ];
}

module.exports = { addAudit };
