// A process that calls the package. It is told what to call and tells what it heard, with times
// from the machine's monotonic clock, which all processes share.

import { createRequire } from 'node:module';
import process from 'node:process';

import { toAmount } from './cents.mjs';
import { meaning } from './history.mjs';
import { Random } from './random.mjs';

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Answer} Answer */
/** @typedef {import('./history.mjs').Operation} Operation */

/**
 * `lists`: a caller for each list, who makes its calls one after the other. `start`: the clock at
 * the start of the run, in nanoseconds. `cancelled`: the share of calls whose caller loses patience.
 *
 * @typedef {{ options: import('../../index.js').BalanceClientOptions, start: string,
 *   lists: Call[][], seed: string, cancelled: number }} Task
 */

/** @typedef {{ operation: Operation, caller: number } | { done: true }} Report */

/** When a caller loses patience at the latest, in milliseconds. */
const LONGEST_PATIENCE = 600;

/** How often an unknown outcome is asked for again before that counts as a failure. */
const MOST_REPETITIONS = 20;

/** @type {typeof import('../../index.js')} */
const { BalanceClient } = createRequire(import.meta.url)('../..');

/** @typedef {import('../../index.js').BalanceClient} Client */

/** @type {{ key: string, first: Client, again: Client } | undefined} */
let last;

/**
 * The client for first calls, which may be impatient, and the one that asks again, which is not: who
 * settles an unknown outcome takes the time that it needs.
 *
 * @param {Task['options']} options
 */
function clientsFor(options) {
  const key = JSON.stringify(options);
  if (last?.key !== key) {
    const { callTimeout: _, ...patient } = options;
    last = { key, first: new BalanceClient(options), again: new BalanceClient(patient) };
  }
  return last;
}

/**
 * Settles when the report is on its way: what was told before a SIGKILL is heard after it, and a
 * caller makes no further call of which nobody would know.
 *
 * @param {Report} report
 */
async function tell(report) {
  await new Promise((resolve) => {
    process.send?.(report, undefined, undefined, resolve);
  });
}

/**
 * @param {import('../../index.js').BalanceClient} client
 * @param {Call} call
 * @param {import('../../index.js').CallOptions} options
 * @returns {Promise<Answer>}
 */
async function ask(client, call, options) {
  try {
    if (call.kind === 'read') {
      const balance = await client.getCurrentBalance({ userId: call.user }, options);
      return { code: 'READ', balance: String(balance) };
    }
    const input = {
      idempotentKey: call.key,
      userId: call.user,
      amount: toAmount(call.cents),
      type: call.type,
    };
    await client.transact(input, options);
    return { code: 'CONFIRMED' };
  } catch (error) {
    const { code, message } = /** @type {import('../../index.js').BalanceError} */ (error);
    return { code: String(code), message };
  }
}

process.on('message', async (/** @type {Task} */ task) => {
  const { options, start, lists, seed, cancelled } = task;
  const clients = clientsFor(options);
  const elapsed = () => Number(process.hrtime.bigint() - BigInt(start));

  /** @param {Random} random */
  const patience = (random) =>
    random.fraction() < cancelled
      ? { signal: AbortSignal.timeout(random.whole(0, LONGEST_PATIENCE)) }
      : {};

  /**
   * @param {Call} call
   * @param {number} caller
   * @param {Random} random
   */
  const make = async (call, caller, random) => {
    for (let repetition = 0; repetition <= MOST_REPETITIONS; repetition += 1) {
      const invoked = elapsed();
      const answer =
        repetition === 0
          ? await ask(clients.first, call, patience(random))
          : await ask(clients.again, call, {});
      await tell({ operation: { call, answer, invoked, answered: elapsed() }, caller });
      if (meaning(answer) !== 'unknown') {
        return;
      }
    }
  };
  await Promise.all(
    lists.map(async (calls, caller) => {
      const random = new Random(seed, caller);
      for (const call of calls) {
        await make(call, caller, random);
      }
    }),
  );
  await tell({ done: true });
});
// Only now is a task heard.
await tell({ done: true });
