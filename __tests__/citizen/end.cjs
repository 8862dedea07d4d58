// A process that comes to a sudden end with calls in flight. Arguments: the stand-in's endpoint,
// in what the calls are caught, and the end.

const process = require('node:process');

const { clientOf, leaveUnanswered, mixedCall } = require('./calls.cjs');

const CALLS = 100;
const CALLERS = 16;

/**
 * What the calls are caught in; resolves once they are.
 *
 * @type {Record<string, (endpoint: string) => Promise<unknown>>}
 */
const situations = {
  // More calls than requests may be under way, so that some wait for their turn.
  'without an answer': async (endpoint) => {
    const client = clientOf(endpoint);
    await mixedCall(client, 0);
    leaveUnanswered(client, CALLS);
    await pause(100);
  },
  'waiting for credentials': async (endpoint) => {
    await new Promise((resolve) => {
      const credentials = () => {
        resolve(undefined);
        return new Promise(() => undefined);
      };
      leaveUnanswered(clientOf(endpoint, { credentials }), CALLS);
    });
  },
  'waiting for a retry': async () => {
    // Nobody listens on this port.
    leaveUnanswered(clientOf('http://127.0.0.1:1'), CALLS);
    await pause(100);
  },
  'being answered': async (endpoint) => {
    const client = clientOf(endpoint);
    for (let caller = 0; caller < CALLERS; caller += 1) {
      void callForever(client, caller);
    }
    await pause(50 + Math.random() * 100);
  },
  'closing their client': async (endpoint) => {
    const client = clientOf(endpoint);
    leaveUnanswered(client, CALLS);
    void client.close();
    await pause(100);
  },
};

/** @type {Record<string, () => unknown>} */
const ends = {
  exit: () => process.exit(7),
  'exit, with more calls on the way out': () => {
    process.once('exit', () => leaveUnanswered(clientOf('http://127.0.0.1:1'), CALLS));
    process.exit(7);
  },
  'an uncaught exception': () => {
    throw new Error('for this test');
  },
  'an unhandled rejection': () => {
    void clientOf('http://127.0.0.1:1').transact(JSON.parse('{}'));
  },
  'a signal': () => undefined,
  'a signal that is handled': () => process.once('SIGTERM', () => process.exit(7)),
};

const [endpoint = '', situation = '', end = ''] = process.argv.slice(2);
situations[situation]?.(endpoint).then(() => {
  // Outside the promise, so that an exception is one.
  setImmediate(() => {
    if (end.startsWith('a signal')) {
      ends[end]?.();
      process.stdout.write('ready\n');
    } else {
      process.stdout.write('ready\n', () => ends[end]?.());
    }
  });
});

/**
 * @param {import('../..').BalanceClient} client
 * @param {number} caller
 */
async function callForever(client, caller) {
  for (let number = caller; ; number += CALLERS) {
    await mixedCall(client, number);
  }
}

/** @param {number} milliseconds */
async function pause(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
