// transact --key K --user U --amount A --type T

const { Option } = require('commander');

const { EXIT } = require('../exit-codes.js');
const { withInterruption } = require('../interruption.js');
const { parseExactNumber } = require('../number.js');
const { quote } = require('../output.js');
const { addSettings, clientOptions } = require('../settings.js');

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addTransact(program, take) {
  const command = program
    .command('transact')
    .description('credit or debit a user, once per key')
    .requiredOption(
      '--key <key>',
      'your name for this transaction; the same key never moves money twice',
    )
    .requiredOption('--user <user>', 'the account')
    .requiredOption('--amount <amount>', 'how much, greater than 0', parseExactNumber)
    .addOption(
      new Option('--type <type>', 'credit adds money, debit takes it')
        .choices(['credit', 'debit'])
        .makeOptionMandatory(),
    );
  addSettings(command)
    .addHelpText(
      'after',
      `
Choose the key before the first attempt and use the same key for every retry. After exit code 5 or 6, run
the same command again: with the same key, the money cannot move twice. Exit code 4 means that it moved
before.

The first transaction of a user also stores the default balance. So for a user without a stored balance,
--default-balance must give the value that your application uses; otherwise nothing is written.

The amount is a decimal such as 30.1. An amount that a JavaScript number cannot hold exactly is refused.

Needs dynamodb:UpdateItem and dynamodb:GetItem on the table of balances, dynamodb:PutItem and
dynamodb:ConditionCheckItem on the table of transactions.

Example:
  dynamodb-balance transact --key refund-17 --user alice --amount 30.1 --type credit`,
    )
    .action(async (options) => take(await move(options)));
}

/** @param {Record<string, any>} options */
async function move(options) {
  const { key: idempotentKey, user: userId, amount, type } = options;
  const { BalanceClient } = require('../..');
  const client = new BalanceClient(clientOptions(options));
  await withInterruption(async (signal) => {
    if (options['defaultBalance'] === undefined) {
      await refuseNewUser(client, userId, signal);
    }
    await client.transact({ idempotentKey, userId, amount, type }, { signal });
  });
  const deed = type === 'credit' ? 'Credited' : 'Debited';
  return {
    document: { idempotentKey, userId, amount, type, result: 'committed' },
    text: `${deed} ${amount}: user ${quote(userId)}, key ${quote(idempotentKey)}.`,
    exitCode: EXIT.SUCCESS,
  };
}

/**
 * What a user begins with is the application's choice, and would be stored for ever.
 *
 * @param {import('../..').BalanceClient} client
 * @param {string} userId
 * @param {AbortSignal} signal
 */
async function refuseNewUser(client, userId, signal) {
  const { exists } = await client.getBalance({ userId }, { signal });
  if (!exists) {
    const { BalanceError } = require('../..');
    throw new BalanceError({
      code: 'INVALID_OPTION',
      retryable: false,
      message: `Nothing is stored for user ${quote(userId)} yet. Nothing was written: give the default balance that your application uses as --default-balance (100, unless it says otherwise), or check the name and the tables.`,
    });
  }
}

module.exports = { addTransact };
