// A process that calls the package when it is told to, and tells what became of each call.

const process = require('node:process');

const { BalanceClient } = require('../..');

/**
 * @typedef {object} Order
 * @property {number} id
 * @property {'transact' | 'getCurrentBalance'} method
 * @property {any} input
 *
 * @typedef {{ id: number, code: string, value?: unknown }} Outcome
 */

/** @type {InstanceType<typeof BalanceClient>} */
let client;

process.on('message', async (/** @type {Order | { options: object }} */ message) => {
  if ('options' in message) {
    client = new BalanceClient(message.options);
    return;
  }
  const { id, method, input } = message;
  try {
    process.send?.({ id, code: 'OK', value: await client[method](input) });
  } catch (error) {
    process.send?.({ id, code: /** @type {any} */ (error).code ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());

module.exports = {};
