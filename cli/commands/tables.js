// tables create, tables check

const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
const { addSettings, clientOptions } = require('../settings.js');

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addTables(program, take) {
  const tables = program.command('tables').description('make and check the two tables');
  addSettings(tables.command('create'))
    .description('make the tables that are missing, and wait until both can be used')
    .option('--history', 'also add the index that the history is read from, and wait for it')
    .option('--holds', 'also add the index that open holds are read from, and wait for it')
    .addHelpText(
      'after',
      `
Existing tables are left as they are; one with another key is an error (exit code 7). New ones have
on-demand billing. Point-in-time recovery and deletion protection are a template's business:
see the folder infrastructure.

--history adds the index UserHistory to the table of transactions, and --holds the index OpenHolds, also
to an existing one, and waits until it can be used: up to an hour, for as long as DynamoDB adds the records
that are there. Money moves meanwhile. Run again, it goes on waiting. docs/history.md and docs/holds.md say
what the indexes cost.

Needs dynamodb:CreateTable and dynamodb:DescribeTable; --history and --holds on an existing table need
dynamodb:UpdateTable.

Example:
  dynamodb-balance tables create --endpoint http://localhost:8000 --region us-east-1`,
    )
    .action(async (options) => take(await create(options)));
  addSettings(tables.command('check'))
    .description('tell whether both tables are there and fit to keep money; changes nothing')
    .addHelpText(
      'after',
      `
Looks for the right keys, and for settings that endanger a ledger: a global table, a time to live. Also
tells whether the indexes of the history and of holds are there, which does not change the exit code.

Needs dynamodb:DescribeTable and dynamodb:DescribeTimeToLive; without the latter it says that it
does not know about a time to live.

Exit code 0: both can be used; 1: one cannot; 8: both can, but a setting endangers the money.

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
