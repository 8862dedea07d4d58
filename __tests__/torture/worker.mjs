// A process that calls the package. It is told what to call and tells what it heard, with times
// from the machine's monotonic clock, which all processes share.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { toAmount, toCents } from './cents.mjs';
import { closingOf, isSameHold, isSameRequest, meaning } from './history.mjs';
import { Random } from './random.mjs';
import { LONG_AGO } from './tables.mjs';

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Answer} Answer */
/** @typedef {import('./history.mjs').Operation} Operation */

/**
 * `lists`: a caller for each list, who makes its calls one after the other. `start`: the clock at
 * the start of the run, in nanoseconds. `cancelled`: the share of calls whose caller loses patience.
 * `credentials`: whether they are given, or come from a function that is slow or even hangs.
 *
 * @typedef {{ options: import('../../index.js').BalanceClientOptions, start: string,
 *   lists: Call[][], seed: string, cancelled: number,
 *   credentials: 'given' | 'slow' | 'hanging' }} Task
 */

/** @typedef {{ operation: Operation, caller: number } | { done: true }} Report */

/** When a caller loses patience at the latest, in milliseconds. */
const LONGEST_PATIENCE = 600;

/** How often an unknown outcome is asked for again before that counts as a failure. */
const MOST_REPETITIONS = 20;

/** The share of unknown outcomes that are asked for again through another client. */
const SHARE_OF_OTHERS = 0.25;

/** How soon a hold expires that does so during the run, in milliseconds. */
const SOON = 500;

/** How long credentials take and how long they last, in milliseconds. */
const SLOW = 1500;
const HANG = 6_000;
const LIFE_OF_CREDENTIALS = 3000;

/** @type {typeof import('../../index.js')} */
const { BalanceClient } = createRequire(import.meta.url)('../..');

/** @typedef {import('../../index.js').BalanceClient} Client */

/** A client and its name. @typedef {{ name: string, client: Client }} Named */

/** @type {{ key: string, own: Named, other: Named } | undefined} */
let last;

/**
 * The client that all calls are made with, and another one, which does not know what the first has
 * given up: it stands for another process that settles an unknown outcome, and is patient.
 *
 * @param {Task} task
 */
function clientsFor({ options, credentials, seed }) {
  const key = JSON.stringify([options, credentials]);
  if (last?.key !== key) {
    const { callTimeout: _, ...patient } = options;
    last = {
      key,
      own: open({ ...options, ...provided(credentials, `${seed}-own`) }),
      other: open({ ...patient, ...provided(credentials, `${seed}-other`) }),
    };
  }
  return last;
}

/**
 * @param {Task['options']} options
 * @returns {Named}
 */
function open(options) {
  return { name: randomUUID(), client: new BalanceClient(options) };
}

/**
 * @param {Task['credentials']} kind
 * @param {string} seed
 */
function provided(kind, seed) {
  if (kind === 'given') {
    return {};
  }
  const random = new Random(seed, 'credentials');
  const credentials = async () => {
    const isHanging = kind === 'hanging' && random.fraction() < 1 / 3;
    await sleep(isHanging ? HANG : random.whole(0, SLOW));
    const expiration = new Date(Date.now() + random.whole(1, LIFE_OF_CREDENTIALS));
    return { accessKeyId: 'local', secretAccessKey: 'local', expiration };
  };
  return { credentials };
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
    switch (call.kind) {
      case 'read':
        return { code: 'READ', ...(await read(client, call, options)) };
      case 'lookup': {
        const found = await client.getTransaction({ idempotentKey: call.key }, options);
        return { code: 'FOUND', ...(found && { record: recorded(found) }) };
      }
      case 'write':
        return { code: (await write(client, call, options)) ? 'REPLAYED' : 'CONFIRMED' };
      case 'close':
        return { code: (await close(client, call, options)) ? 'REPLAYED' : 'CONFIRMED' };
    }
  } catch (error) {
    const { code, message, available, index } =
      /** @type {import('../../index.js').BalanceError} */ (error);
    return {
      code: String(code),
      message,
      ...(available !== undefined && { available }),
      ...(index !== undefined && { index }),
    };
  }
}

/**
 * @param {Client} client
 * @param {import('./history.mjs').ReadCall} call
 * @param {import('../../index.js').CallOptions} options
 */
async function read(client, { by, user: userId }, options) {
  if (by === 'getCurrentBalance') {
    return { balance: String(await client.getCurrentBalance({ userId }, options)) };
  }
  const { balance, held } = await client.getBalance({ userId }, options);
  return { balance, held };
}

/**
 * @param {Client} client
 * @param {import('./history.mjs').WriteCall} call
 * @param {import('../../index.js').CallOptions} options
 * @returns {Promise<boolean>} whether it was replayed
 */
async function write(client, { by, moves }, options) {
  const inputs = moves.map(({ key, user, cents, type }) => ({
    idempotentKey: key,
    userId: user,
    amount: toAmount(cents),
    type,
  }));
  const [input] = inputs;
  if (input === undefined) {
    throw new Error('a write moves something');
  }
  switch (by) {
    case 'transact':
      await client.transact(input, options);
      return false;
    case 'createTransaction':
      return told([await client.createTransaction(input, options)], moves);
    case 'createTransactions': {
      const { transactions, replayed } = await client.createTransactions(
        { transactions: inputs },
        options,
      );
      return told(
        transactions.map((transaction) => ({ transaction, replayed })),
        moves,
      );
    }
    case 'createHold': {
      const expiresAt = expiryOf(moves[0]?.expires);
      const { hold, replayed } = await client.createHold(
        { ...input, ...(expiresAt && { expiresAt }) },
        options,
      );
      return told([{ transaction: hold, replayed }], moves);
    }
  }
}

/** @param {import('./history.mjs').Expiry | undefined} expires */
function expiryOf(expires) {
  switch (expires) {
    case 'past':
      return LONG_AGO;
    case 'soon':
      return new Date(Date.now() + SOON);
    default:
      return undefined;
  }
}

/**
 * @param {Client} client
 * @param {import('./history.mjs').CloseCall} call
 * @param {import('../../index.js').CallOptions} options
 * @returns {Promise<boolean>} whether it was replayed
 */
async function close(client, call, options) {
  const { by, key: idempotentKey, hold: key, cents } = call;
  const amount = cents === undefined ? {} : { amount: toAmount(cents) };
  const { hold, replayed } =
    by === 'captureHold'
      ? await client.captureHold({ idempotentKey, hold: key, ...amount }, options)
      : await client.releaseHold({ idempotentKey, hold: key }, options);
  const record = recorded(hold);
  if (hold.idempotentKey !== key || !isSameHold(record.hold, closingOf(call, record.cents))) {
    throw anotherRecord(record);
  }
  return replayed;
}

/**
 * Whether it was replayed; what is told of each movement must be what was asked for.
 *
 * @param {import('../../index.js').CreateTransactionResult[]} results
 * @param {import('./history.mjs').Move[]} moves
 */
function told(results, moves) {
  const records = results.map(({ transaction }) => recorded(transaction));
  const isRight = moves.every((move, index) => {
    const record = records[index];
    return record !== undefined && isSameRequest(move, record);
  });
  if (!isRight || records.length !== moves.length) {
    throw anotherRecord(records);
  }
  return results.some(({ replayed }) => replayed);
}

/** @param {unknown} record */
function anotherRecord(record) {
  return Object.assign(new Error(JSON.stringify(record)), { code: 'TOLD_ANOTHER_RECORD' });
}

/**
 * @param {import('../../index.js').Transaction} transaction
 * @returns {import('./history.mjs').Told}
 */
function recorded({ userId: user, amount, type, holdState, capturedAmount, closedBy, hold }) {
  const captured = capturedAmount === undefined ? undefined : toCents(capturedAmount);
  return {
    user,
    cents: toCents(amount),
    type,
    ...(holdState && { hold: { state: holdState, captured, closedBy } }),
    ...(hold !== undefined && { returned: hold }),
  };
}

process.on('message', async (/** @type {Task} */ task) => {
  const { start, lists, seed, cancelled } = task;
  const { own, other } = clientsFor(task);
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
      const isOther = repetition > 0 && random.fraction() < SHARE_OF_OTHERS;
      const { name, client } = isOther ? other : own;
      const invoked = elapsed();
      const answer = await ask(client, call, repetition === 0 ? patience(random) : {});
      const answered = elapsed();
      await tell({ operation: { call, answer, invoked, answered, client: name }, caller });
      // After an unknown outcome only an answer will do: that this call did nothing says nothing of
      // the one before it.
      const isSettled = repetition === 0 || meaning(answer) !== 'nothing';
      if (meaning(answer) !== 'unknown' && isSettled) {
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
