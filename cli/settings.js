// The options that all commands share, named as those of BalanceClient.

const { parseExactNumber } = require('./number.js');

/**
 * @param {import('commander').Command} command
 * @param {string} [json] what --json does
 * @returns {import('commander').Command}
 */
function addSettings(command, json = 'print one JSON document, for machines') {
  return command
    .option('--region <region>', 'AWS region (default: the AWS chain, or us-east-1)')
    .option('--endpoint <url>', 'URL of DynamoDB (default: the AWS chain, or that of the region)')
    .option('--profile <name>', 'profile of the AWS files (default: AWS_PROFILE, or default)')
    .option('--balances-table <name>', 'name or ARN (default: UserBalances)')
    .option('--transactions-table <name>', 'name or ARN (default: Transactions)')
    .option(
      '--default-balance <amount>',
      'what a user without a stored balance has (default: 100)',
      parseExactNumber,
    )
    .option('--json', json);
}

/**
 * The options of a BalanceClient; what was not given is left out.
 *
 * @param {Record<string, any>} options as commander parsed them
 * @returns {import('..').BalanceClientOptions}
 */
function clientOptions(options) {
  const names = [
    'region',
    'endpoint',
    'profile',
    'balancesTable',
    'transactionsTable',
    'defaultBalance',
  ];
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}

module.exports = { addSettings, clientOptions };
