// tables create, tables check

const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
const { addSettings, clientOptions } = require('../settings.js');

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addTables(program, take) {
  const tables = program.command('tables').description('create and check the two tables');
  addSettings(tables.command('create'))
    .description('create the tables that are missing, and wait until both can be used')
    .option('--history', 'also add the index for the history, and wait for it')
    .option('--holds', 'also add the index for open holds, and wait for it')
    .addHelpText(
      'after',
      `
Existing tables are not changed; a table with another key is an error (exit code 7). New tables have
on-demand billing. For point-in-time recovery and deletion protection, use a template: see the folder
infrastructure.

--history adds the index UserHistory to the table of transactions, and --holds the index OpenHolds, also
to an existing table. The command waits until the index can be used: up to an hour, while DynamoDB adds the
existing records. Transactions continue to work meanwhile. Run it again to continue waiting. docs/history.md
and docs/holds.md describe what the indexes cost.

Needs dynamodb:CreateTable and dynamodb:DescribeTable; --history and --holds on an existing table need
dynamodb:UpdateTable.

Example:
  dynamodb-balance tables create --endpoint http://localhost:8000 --region us-east-1`,
    )
    .action(async (options) => take(await create(options)));
  addSettings(tables.command('check'))
    .description('check that both tables exist and have safe settings; changes nothing')
    .addHelpText(
      'after',
      `
Checks the keys, and looks for settings that are dangerous for a ledger: a global table, a time to live.
Also says whether the indexes for the history and for holds exist, which does not change the exit code.

Needs dynamodb:DescribeTable and dynamodb:DescribeTimeToLive; without the latter, it reports that it could
not check the time to live.

Exit code 0: both can be used; 1: one cannot be used; 8: both can be used, but a setting is dangerous.

Example:
  dynamodb-balance tables check --region eu-central-1 --json`,
    )
    .action(async (options) => take(await check(options)));
}

/** @param {Record<string, any>} options */
async function create(options) {
  const { createTables } = require('../native.js');
  const { openIndexProgress } = require('../progress.js');
  const { history = false, holds = false } = options;
  const progress = openIndexProgress();
  try {
    await untilInterrupted(
      () => createTables(clientOptions(options), history, holds, progress.show),
      options['json'],
      () => {
        progress.stop();
        return 'Interrupted. Tables may have been made: run it again to wait until all can be used.';
      },
    );
  } finally {
    progress.stop();
  }
  return {
    document: { ready: true },
    text: `${usable(history, holds)} can be used.`,
    exitCode: EXIT.SUCCESS,
  };
}

/**
 * @param {boolean} history
 * @param {boolean} holds
 */
function usable(history, holds) {
  const parts = ['Both tables', ...(history ? ['the history'] : []), ...(holds ? ['holds'] : [])];
  return parts.length < 3 ? parts.join(' and ') : 'Both tables, the history and holds';
}

/** @param {Record<string, any>} options */
async function check(options) {
  const { checkTables } = require('../native.js');
  const states = await untilInterrupted(
    () => checkTables(clientOptions(options)),
    options['json'],
    () => 'Interrupted. Nothing was changed, and nothing is known.',
  );
  const ready = states.every(({ trouble }) => trouble === undefined);
  const isEndangered = states.some(({ warnings }) => warnings.length > 0);
  return {
    document: { ready, tables: states.map(toDocument) },
    text: states.flatMap(toLines).join('\n'),
    exitCode: ready ? (isEndangered ? EXIT.ENDANGERED : EXIT.SUCCESS) : EXIT.FINDINGS,
  };
}

/** @param {import('../native.js').TableState} state */
function toDocument({ name, trouble, warnings, unchecked, indexes }) {
  const documents = indexes.map(({ option, index, status, trouble: why }) => [
    option,
    { index, status, ...verdict(why) },
  ]);
  return {
    name,
    ...verdict(trouble),
    warnings,
    unchecked,
    ...Object.fromEntries(documents),
  };
}

/** @param {import('../native.js').Failure | undefined} trouble */
function verdict(trouble) {
  return {
    ready: trouble === undefined,
    ...(trouble && { code: trouble.code, message: trouble.message }),
  };
}

/** @param {import('../native.js').TableState} state */
function toLines({ name, trouble, warnings, unchecked, indexes }) {
  return [
    trouble?.message ?? `Table ${name} can be used.`,
    ...warnings.map(({ message }) => `Warning: ${message}`),
    ...unchecked.map(({ message }) => message),
    ...indexes.map(({ index, trouble: why }) => why?.message ?? `Index ${index} can be used.`),
  ];
}

module.exports = { addTables };
