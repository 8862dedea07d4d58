// What is measured: each cell is one load, on one server, for each of its peers.

/** @typedef {import('../peers/index.mjs').PeerId} PeerId */
/** @typedef {import('./operations.cjs').Operation} Operation */
/** @typedef {'stand-in' | 'stand-in over HTTPS' | keyof typeof MODELS | 'DynamoDB Local'} ServerName */

/**
 * @typedef {object} WarmUp whichever comes first
 * @property {number} calls of each process
 * @property {number} longest in seconds
 */

/**
 * @typedef {object} Cell
 * @property {ServerName} server
 * @property {Operation} operation
 * @property {'many' | 'hot'} users
 * @property {number} callers of each process
 * @property {number} processes
 * @property {number} [arrivals] calls that become due in a second, in all processes together; without
 *   it a caller calls again as soon as it is answered
 * @property {WarmUp} [warmUp] instead of the usual one
 * @property {number} [duration] in seconds, instead of the usual one
 * @property {(PeerId | 'floor')[]} peers
 */

/** How often all of it is measured; medians are reported. */
export const ROUNDS = 3;

/** Fresh processes for each peer, over HTTP and over HTTPS. */
export const STARTS = 12;

/** So many calls, or so many seconds, for the SDK's code to be compiled as far as it will be. */
export const WARM_UP = { calls: 2000, longest: 2.5 };

/** How long a load is measured, in seconds. */
export const DURATION = 0.6;

/** The latency of the model, in milliseconds. */
export const LATENCY = 5;

/** The sigma of a log-normal distribution. */
export const SPREAD = 0.5;

/**
 * How much longer than the median the slower of two such latencies is on average, as of the two items
 * of a transaction: 2 exp(σ²/2) Φ(σ/√2).
 */
export const SLOWER_OF_TWO = 1.446;

/** Latencies in milliseconds, and whether there is the index that a history is read from. */
export const MODELS = {
  model: { latency: LATENCY, spread: 0, history: false },
  'model with spread': { latency: LATENCY, spread: SPREAD, history: false },
  'model with 20 ms': { latency: 20, spread: 0, history: false },
  'model without latency': { latency: 0, spread: 0, history: false },
  'model with history': { latency: LATENCY, spread: 0, history: true },
};

export const CALLERS = [1, 8, 64, 512];

/** So many that it has to be found out how many requests at once bring the most answers. */
export const MANY_CALLERS = 512;
export const LONG_WARM_UP = { calls: 40_000, longest: 2.5 };

/** So many that a lane is always full. */
export const CROWD = 2000;

/**
 * Lambda: processes that make one call at a time, on one account. Each makes some calls a second, so
 * that it takes longer to see enough of them.
 */
export const FLEET = 32;
export const ARRIVALS = 160;
export const FLEET_TIMES = { warmUp: { calls: 10, longest: 10 }, duration: 10 };

/** So many calls wait at once where the memory that they take is measured; the limit is 65,536. */
export const WAITING = 60_000;

/** DynamoDB takes 100 actions in a transaction: a balance and this many records. */
export const RECORDS_PER_TRANSACTION = 99;

/**
 * @param {ServerName} server
 * @param {Operation} operation
 * @param {Cell['users']} users
 * @param {number} callers
 * @param {Cell['peers']} peers
 * @returns {Cell}
 */
function cell(server, operation, users, callers, peers) {
  return { server, operation, users, callers, processes: 1, peers };
}

/** @type {Cell[]} */
export const grid = [
  // What a call costs the process that makes it.
  ...CALLERS.map((callers) =>
    cell('stand-in', 'read', 'many', callers, [
      'package',
      'sdk',
      'floor',
      ...(callers === 64 ? /** @type {const} */ (['bundle', 'nothing']) : []),
    ]),
  ),
  ...CALLERS.map((callers) =>
    cell('stand-in', 'transact', 'many', callers, [
      'package',
      'sdk',
      'floor',
      ...(callers === 64 ? /** @type {const} */ (['threeRoundTrips']) : []),
    ]),
  ),
  cell('stand-in', 'transact', 'hot', 64, ['package', 'sdk']),
  cell('stand-in over HTTPS', 'read', 'many', 1, ['package', 'sdk']),
  cell('stand-in over HTTPS', 'read', 'many', 64, ['package', 'sdk']),
  // What a service with latency, conflicts and limits makes of it.
  ...CALLERS.map((callers) => cell('model', 'read', 'many', callers, ['package', 'sdk'])),
  ...CALLERS.map((callers) => ({
    ...cell('model', 'transact', 'many', callers, [
      'package',
      'sdk',
      ...(callers === 64 ? /** @type {const} */ (['threeRoundTrips']) : []),
    ]),
    ...(callers === MANY_CALLERS && { warmUp: LONG_WARM_UP }),
  })),
  // The same at other latencies; without any, the limit is the processor.
  .../** @type {const} */ (['model with 20 ms', 'model with spread', 'model without latency']).map(
    (server) => ({
      ...cell(server, 'transact', 'many', MANY_CALLERS, ['package', 'sdk']),
      warmUp: LONG_WARM_UP,
    }),
  ),
  cell('model', 'read', 'hot', 64, ['package', 'sdk']),
  ...CALLERS.map((callers) =>
    cell('model', 'transact', 'hot', callers, [
      'package',
      'sdk',
      ...(callers === 64 ? /** @type {const} */ (['threeRoundTrips']) : []),
    ]),
  ),
  cell('model', 'transact', 'hot', CROWD, ['package']),
  { ...cell('model', 'transact', 'hot', 64, ['package']), processes: 4 },
  ...[{ arrivals: ARRIVALS }, {}].map((arrivals) => ({
    ...cell('model', 'transact', 'hot', 1, ['package', 'sdk']),
    processes: FLEET,
    ...arrivals,
    ...FLEET_TIMES,
  })),
  // Groups: all with one account among them, and each of other users.
  cell('model', 'transfer', 'hot', 64, ['package', 'sdk']),
  cell('model', 'transfer', 'many', 64, ['package', 'sdk']),
  cell('model', 'sale', 'hot', 64, ['package', 'sdk']),
  // Holds: opened, and opened and captured.
  cell('model', 'reserve', 'hot', 64, ['package', 'sdk']),
  cell('model', 'reserve', 'many', 64, ['package', 'sdk']),
  cell('model', 'settle', 'hot', 64, ['package', 'sdk']),
  cell('model', 'settle', 'many', 64, ['package', 'sdk']),
  // What the index for the history costs.
  cell('model with history', 'transact', 'hot', 64, ['package']),
  cell('model with history', 'transact', 'many', 64, ['package']),
  cell('model with spread', 'read', 'many', 64, ['package', 'sdk']),
  // What the real code of DynamoDB says, as far as it runs here.
  cell('DynamoDB Local', 'read', 'many', 64, ['package', 'sdk']),
  cell('DynamoDB Local', 'transact', 'many', 64, ['package', 'sdk', 'threeRoundTrips']),
  cell('DynamoDB Local', 'transact', 'hot', 64, ['package', 'sdk']),
];
