// Worker threads with clients of their own, while the main thread goes on calling with its own.
// Arguments: the stand-in's endpoint, how the workers end, and how many there are.

const assert = require('node:assert/strict');
const process = require('node:process');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');

const { clientOf, leaveUnanswered, mixedCall } = require('./calls.cjs');

/** How many workers run at the same time. */
const AT_ONCE = 10;

/** Calls of each kind that each worker makes with each of its clients. */
const CALLS = 6;

/** @typedef {{ endpoint: string, end: string }} Task */

/** What a worker does once its calls are in flight. @type {Record<string, () => unknown>} */
const ends = {
  // The main thread ends it, at some moment while it is being answered.
  terminate: () => parentPort?.postMessage('ready'),
  'process.exit': () => process.exit(7),
  'an uncaught exception': () => {
    throw new Error('for this test');
  },
  // It ends when its last call is answered.
  'by itself': () => undefined,
};

if (isMainThread) {
  void beMainThread();
} else {
  beWorker(workerData);
}

async function beMainThread() {
  const [endpoint = '', end = '', count = ''] = process.argv.slice(2);
  const client = clientOf(endpoint);
  let begun = 0;
  let ended = 0;
  /** @type {Record<string, number>} */
  const codes = {};

  const workers = Array.from({ length: AT_ONCE }, async () => {
    while (begun < Number(count)) {
      begun += 1;
      const code = await runWorker({ endpoint, end });
      ended += 1;
      codes[code] = (codes[code] ?? 0) + 1;
    }
  });
  for (let call = 0; ended < Number(count); call += 1) {
    await mixedCall(client, call, 'slow');
  }
  await Promise.all(workers);

  // Afterwards its client works as before.
  await Promise.all(Array.from({ length: 20 }, (_, number) => mixedCall(client, number)));
  process.stdout.write(JSON.stringify(codes));
}

/**
 * Runs a worker to its end and tells its exit code.
 *
 * @param {Task} task
 * @returns {Promise<number>}
 */
async function runWorker({ endpoint, end }) {
  const worker = new Worker(__filename, { workerData: { endpoint, end } });
  worker.on('error', (error) => assert.match(String(error), /for this test/));
  worker.once('message', () => setTimeout(() => worker.terminate(), Math.random() * 40));
  return await new Promise((resolve) => worker.once('exit', resolve));
}

/** @param {Task} task */
function beWorker({ endpoint, end }) {
  const settled = clientOf(endpoint);
  const asking = clientOf(endpoint, { credentials: givenLater });
  for (let number = 0; number < CALLS; number += 1) {
    // Answered one after the other from now on: some before the end, some during and after it.
    void mixedCall(settled, number, 'slow');
    void mixedCall(asking, number, 'slow');
  }
  if (end === 'by itself') {
    return;
  }
  leaveUnanswered(settled, CALLS);
  leaveUnanswered(asking, CALLS);
  setTimeout(() => ends[end]?.(), Math.random() * 40);
}

async function givenLater() {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
  return { accessKeyId: 'local', secretAccessKey: 'secret' };
}
