// A process of its own that makes all the calls it is told at once and tells what became of each:
// 'CONFIRMED', or the error's code. Then nothing keeps it alive, and it ends.

const { BalanceClient } = require('../..');

/**
 * @typedef {object} Task
 * @property {import('../..').BalanceClientOptions} options
 * @property {import('../..').TransactInput[]} requests
 */

process.once('message', async (/** @type {Task} */ { options, requests }) => {
  const client = new BalanceClient(options);
  const outcomes = await Promise.all(
    requests.map((request) =>
      client.transact(request).then(
        () => 'CONFIRMED',
        (error) => error.code ?? String(error),
      ),
    ),
  );
  process.send?.(outcomes);
});
