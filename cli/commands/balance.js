// balance USER

const { EXIT } = require('../exit-codes.js');
const { untilInterrupted } = require('../interruption.js');
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
The read is strongly consistent and creates nothing. A user without a stored balance has the
default balance. A balance of more than about 17 digits is printed as the nearest JavaScript
number; audit is exact. A user whose name begins with a dash goes after two dashes: balance -- -x

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
  const balance = await untilInterrupted(
    () => client.getCurrentBalance({ userId }),
    options['json'],
    () => 'Interrupted. Nothing was changed.',
  );
  return { document: { userId, balance }, text: String(balance), exitCode: EXIT.SUCCESS };
}

module.exports = { addBalance };
