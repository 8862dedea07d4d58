// balance USER

const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
const { ExactNumber, quote } = require('../output.js');
const { addSettings, clientOptions } = require('../settings.js');

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addBalance(program, take) {
  addSettings(program.command('balance <user>'))
    .description("print a user's balance")
    .addHelpText(
      'after',
      `
The read is strongly consistent and creates nothing. A user without a stored balance has the default
balance: give the --default-balance that your application uses. All digits are printed, even more than a
JavaScript number can hold; with --json, they are a JSON number. If the name of a user begins with a dash,
write two dashes before it: balance -- -x

Needs dynamodb:GetItem on the table of balances.

Example:
  dynamodb-balance balance alice`,
    )
    .action(async (user, options) => take(await readBalance(user, options)));
}

/**
 * @param {string} userId
 * @param {Record<string, any>} options
 */
async function readBalance(userId, options) {
  const { BalanceClient } = require('../..');
  const client = new BalanceClient(clientOptions(options));
  const { balance, exists } = await untilInterrupted(
    () => client.getBalance({ userId }),
    options['json'],
    () => 'Interrupted. Nothing was changed.',
  );
  if (!exists && options['defaultBalance'] === undefined) {
    process.stderr.write(
      `Nothing is stored for user ${quote(userId)}, so that this is the default balance. If your application uses another one, give it as --default-balance.\n`,
    );
  }
  return {
    document: { userId, balance: new ExactNumber(balance), exists },
    text: balance,
    exitCode: EXIT.SUCCESS,
  };
}

module.exports = { addBalance };
