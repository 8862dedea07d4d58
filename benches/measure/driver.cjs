// A process that drives one peer: callers that call again as soon as they are answered, or one that
// calls when a call is due. The process that started it says when to begin; what happened before is
// warm-up.

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { Latencies } = require('./latencies.cjs');
const { operationsOf } = require('./operations.cjs');

/**
 * @typedef {object} Load
 * @property {string} peer the file of the peer
 * @property {string} endpoint
 * @property {import('./operations.cjs').Operation} operation
 *   `transfer`: one of many users pays one merchant, or one of many; `sale`: the platform gets a fee
 *   as well; `reserve`: a hold; `settle`: a hold, half of which is captured then
 * @property {'many' | 'hot'} users each call another one of 10,000, or always the same
 * @property {number} callers
 * @property {number[]} [due] when calls are due, in milliseconds from the beginning: there is one
 *   caller then, and a call that finds it busy waits
 * @property {import('./grid.mjs').WarmUp} warmUp
 * @property {number} duration in seconds
 * @property {NodeJS.ProcessEnv} environment of its process, beyond what all have
 */

/**
 * @typedef {object} Figures
 * @property {number} calls
 * @property {number} seconds
 * @property {number} cpuMicroseconds of the whole process
 * @property {number[]} latencies how often each was
 * @property {number} memory resident, in bytes
 * @property {string[]} failures the first messages of calls that were rejected
 */

/** In seconds. */
const LEAST_WARM_UP = 0.3;

/** How long calls that were due may take beyond the duration, in seconds. */
const OVERTIME = 10;

/** @type {Load} */
const load = JSON.parse(String(process.argv[2]));
const { open } = require(load.peer);
/** @type {import('../peers/peer.d.ts').Peer} */
const peer = open(load);
const operation = operationsOf(peer, load.users)[load.operation];

// Made before it is needed.
const latencies = new Latencies();
let calls = 0;
let isWarm = false;
/** @type {string[]} */
const failures = [];

/**
 * @param {number} turn
 * @param {number} due from when on its latency counts
 */
async function call(turn, due) {
  try {
    await operation(turn);
  } catch (error) {
    if (failures.length < 5) {
      failures.push(String(error));
    }
    // Refused at once, it must not keep the process from everything else.
    await sleep(10);
    return;
  }
  latencies.record(performance.now() - due);
  calls += 1;
}

async function callAgainAndAgain() {
  for (let turn = 0; load.due === undefined || !isWarm; turn += 1) {
    await call(turn, performance.now());
  }
}

/**
 * Latency counts from when a call was due, so that no call is left out because an earlier one was
 * slow. What is not answered in the end counts with the time for which it has waited.
 *
 * @param {number[]} due
 */
async function callWhenDue(due) {
  const began = performance.now();
  let turn = 0;
  const all = async () => {
    for (; turn < due.length; turn += 1) {
      const at = began + Number(due[turn]);
      await sleep(Math.max(0, Math.ceil(at - performance.now())));
      await call(turn, at);
    }
  };
  await Promise.race([all(), sleep((load.duration + OVERTIME) * 1000)]);
  for (const at of due.slice(turn)) {
    latencies.record(performance.now() - began - at);
  }
}

async function measure() {
  latencies.reset();
  calls = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  await (load.due === undefined ? sleep(load.duration * 1000) : callWhenDue(load.due));
  const { user, system } = process.cpuUsage(cpu);
  const milliseconds = performance.now() - started;
  const memory = process.memoryUsage.rss();
  /** @type {Figures} */
  const figures = {
    calls,
    seconds: milliseconds / 1000,
    cpuMicroseconds: user + system,
    latencies: latencies.counts(),
    memory,
    failures,
  };
  process.send?.({ figures });
}

/** Until the peer has been compiled as far as it will be, or seems to be slow for other reasons. */
async function warmUp() {
  const callers = Array.from({ length: load.callers }, callAgainAndAgain);
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  while (
    passed() < LEAST_WARM_UP ||
    (calls < load.warmUp.calls && passed() < load.warmUp.longest)
  ) {
    await sleep(20);
  }
  isWarm = true;
  if (load.due !== undefined) {
    await Promise.all(callers);
  }
  process.send?.({ warm: true });
}

process.once('disconnect', () => process.exit());
process.once('message', () => void measure());
void warmUp();
