// A process that drives one peer: callers that call again as soon as they are answered. The process
// that started it says when to begin; what happened before is warm-up.

const { randomUUID } = require('node:crypto');
const { createHistogram } = require('node:perf_hooks');
const process = require('node:process');

/**
 * @typedef {object} Load
 * @property {string} peer the file of the peer
 * @property {string} endpoint
 * @property {'read' | 'transact' | 'transfer' | 'sale' | 'reserve' | 'settle'} operation
 *   `transfer`: one of many users pays one merchant; `sale`: the platform gets a fee as well;
 *   `reserve`: a hold; `settle`: a hold, half of which is captured then
 * @property {'many' | 'hot'} users each call another one of 10,000, or always the same
 * @property {number} callers
 * @property {{ calls: number, longest: number }} warmUp whichever comes first; in seconds
 * @property {number} duration in seconds
 * @property {NodeJS.ProcessEnv} environment of its process, beyond what all have
 */

/**
 * @typedef {object} Figures
 * @property {number} calls
 * @property {number} seconds
 * @property {number} cpuMicroseconds of the whole process
 * @property {number} p50 in milliseconds
 * @property {number} p99 in milliseconds
 * @property {number} memory resident, in bytes
 * @property {string[]} failures the first messages of calls that were rejected
 */

const USERS = 10_000;

/** Who pays one merchant, and who sells on one platform. */
const PAYERS = 2_000;

/** So much that sums in binary floating point would show. */
const AMOUNT = 0.1;

/** So little that a balance lasts for a million holds. */
const ESTIMATE = 0.0001;

/** In seconds. */
const LEAST_WARM_UP = 0.3;

/** @type {Load} */
const load = JSON.parse(String(process.argv[2]));
const { open } = require(load.peer);
/** @type {import('../peers/peer.d.ts').Peer} */
const peer = open(load);

// Made before it is needed, and of a fixed size: it must not count as the peer's memory.
const latencies = createHistogram();
const prefix = randomUUID();
let calls = 0;
let sequence = 0;
/** @type {string[]} */
const failures = [];

function nextUser() {
  sequence += 1;
  return load.users === 'hot' ? 'hot-user' : `user-${sequence % USERS}`;
}

const operations = {
  read: async () => {
    const balance = await peer.getCurrentBalance({ userId: nextUser() });
    if (typeof balance !== 'number') {
      throw new Error(`no balance but ${balance}`);
    }
  },
  /** @param {number} turn */
  transact: async (turn) => {
    const userId = nextUser();
    await peer.transact({
      idempotentKey: `${prefix}-${sequence}`,
      userId,
      amount: AMOUNT,
      // What a caller takes it has brought before, so that every debit is covered.
      type: turn % 2 === 0 ? 'credit' : 'debit',
    });
  },
  transfer: async () => {
    const [key, payer] = nextPayer();
    await peer.createTransactions({
      transactions: [
        { idempotentKey: `${key}/out`, userId: payer, amount: AMOUNT, type: 'debit' },
        { idempotentKey: `${key}/in`, userId: 'merchant', amount: AMOUNT, type: 'credit' },
      ],
    });
  },
  sale: async () => {
    const [key, payer] = nextPayer();
    const seller = `seller-${sequence % PAYERS}`;
    await peer.createTransactions({
      transactions: [
        { idempotentKey: `${key}/pay`, userId: payer, amount: AMOUNT, type: 'debit' },
        { idempotentKey: `${key}/sell`, userId: seller, amount: 0.09, type: 'credit' },
        { idempotentKey: `${key}/fee`, userId: 'platform', amount: 0.01, type: 'credit' },
      ],
    });
  },
  reserve: async () => {
    const userId = nextUser();
    await peer.createHold({ idempotentKey: `${prefix}-${sequence}`, userId, amount: ESTIMATE });
  },
  settle: async () => {
    const userId = nextUser();
    const hold = `${prefix}-${sequence}`;
    await peer.createHold({ idempotentKey: hold, userId, amount: ESTIMATE });
    await peer.captureHold({ idempotentKey: `${hold}/used`, hold, amount: ESTIMATE / 2 });
  },
};

/** @returns {[key: string, payer: string]} */
function nextPayer() {
  sequence += 1;
  return [`${prefix}-${sequence}`, `payer-${sequence % PAYERS}`];
}

async function caller() {
  const operation = operations[load.operation];
  for (let turn = 0; ; turn += 1) {
    const started = performance.now();
    try {
      await operation(turn);
    } catch (error) {
      if (failures.length < 5) {
        failures.push(String(error));
      }
      // Refused at once, it must not keep the process from everything else.
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    latencies.record(Math.max(1, Math.round((performance.now() - started) * 1e6)));
    calls += 1;
  }
}

process.once('disconnect', () => process.exit());
process.once('message', () => {
  latencies.reset();
  calls = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  setTimeout(() => {
    const { user, system } = process.cpuUsage(cpu);
    const milliseconds = performance.now() - started;
    /** @type {Figures} */
    const figures = {
      calls,
      seconds: milliseconds / 1000,
      cpuMicroseconds: user + system,
      p50: latencies.percentile(50) / 1e6,
      p99: latencies.percentile(99) / 1e6,
      memory: process.memoryUsage.rss(),
      failures,
    };
    process.send?.({ figures });
  }, load.duration * 1000);
});

for (let index = 0; index < load.callers; index += 1) {
  void caller();
}
void warmUp();

/** Until the peer has been compiled as far as it will be, or seems to be slow for other reasons. */
async function warmUp() {
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  while (
    passed() < LEAST_WARM_UP ||
    (calls < load.warmUp.calls && passed() < load.warmUp.longest)
  ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.send?.({ warm: true });
}
