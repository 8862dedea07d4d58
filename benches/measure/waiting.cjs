// A fresh process whose calls are never answered: how much memory each of them takes while it waits.
// Started with --expose-gc, so that what is measured is held and not forgotten.

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { operationsOf } = require('./operations.cjs');

/**
 * @typedef {object} Waiting
 * @property {string} peer the file of the peer
 * @property {string} endpoint that never answers
 * @property {import('./operations.cjs').Operation} operation
 * @property {'many' | 'hot'} users
 * @property {number} calls
 */

/** So many calls wait before the others: until then connections are opened and code is loaded. */
const FIRST = 1_000;

/** How many are made before everybody else has a turn, as a busy process would make them. */
const AT_ONCE = 500;

/** How long requests take to be composed and sent, in milliseconds. */
const SETTLING = 1_000;

/** @type {Waiting} */
const { peer: file, endpoint, operation: name, users, calls } = JSON.parse(String(process.argv[2]));
const { open } = require(file);
const operation = operationsOf(open({ endpoint, callers: 64 }), users)[name];

/** @param {number} count */
async function call(count) {
  for (let turn = 0; turn < count; turn += 1) {
    operation(turn).catch(fail);
    if (turn % AT_ONCE === 0) {
      await sleep(1);
    }
  }
}

/** @param {unknown} error */
function fail(error) {
  process.stderr.write(`${error}\n`);
  process.exit(1);
}

async function settledMemory() {
  await sleep(SETTLING);
  global.gc?.();
  return process.memoryUsage.rss();
}

async function measure() {
  await call(FIRST);
  const before = await settledMemory();
  await call(calls);
  const after = await settledMemory();
  process.stdout.write(JSON.stringify({ bytesPerCall: (after - before) / calls }));
  process.exit();
}

void measure();
