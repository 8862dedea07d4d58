// What is measured: each cell is one load, on one server, for each of its peers.

/** @typedef {import('../peers/index.mjs').PeerId} PeerId */
/** @typedef {'stand-in' | 'stand-in over HTTPS' | 'model' | 'model with spread' | 'model with history' | 'DynamoDB Local'} ServerName */

/**
 * @typedef {object} Cell
 * @property {ServerName} server
 * @property {'read' | 'transact' | 'transfer' | 'sale' | 'reserve' | 'settle'} operation
 * @property {'many' | 'hot'} users
 * @property {number} callers of each process
 * @property {number} processes
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

/** The latency of the model, in milliseconds, and the spread of its second variant. */
export const LATENCY = 5;
export const SPREAD = 0.5;

export const CALLERS = [1, 8, 64, 512];

/** So many that a lane is always full. */
export const CROWD = 2000;

/** DynamoDB takes 100 actions in a transaction: a balance and this many records. */
export const RECORDS_PER_TRANSACTION = 99;

/**
 * @param {ServerName} server
 * @param {Cell['operation']} operation
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
      ...(callers === 64 ? /** @type {const} */ (['threeRoundTrips']) : []),
    ]),
  ),
  cell('stand-in', 'transact', 'hot', 64, ['package', 'sdk']),
  cell('stand-in over HTTPS', 'read', 'many', 1, ['package', 'sdk']),
  cell('stand-in over HTTPS', 'read', 'many', 64, ['package', 'sdk']),
  // What a service with latency, conflicts and limits makes of it.
  ...CALLERS.map((callers) => cell('model', 'read', 'many', callers, ['package', 'sdk'])),
  ...CALLERS.map((callers) =>
    cell('model', 'transact', 'many', callers, [
      'package',
      'sdk',
      ...(callers === 64 ? /** @type {const} */ (['threeRoundTrips']) : []),
    ]),
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
  // Groups that all have one account among them.
  cell('model', 'transfer', 'hot', 64, ['package', 'sdk']),
  cell('model', 'sale', 'hot', 64, ['package', 'sdk']),
  // Holds on one account: opened, and opened and captured.
  cell('model', 'reserve', 'hot', 64, ['package', 'sdk']),
  cell('model', 'settle', 'hot', 64, ['package', 'sdk']),
  // What the index for the history costs.
  cell('model with history', 'transact', 'hot', 64, ['package']),
  cell('model with spread', 'read', 'many', 64, ['package', 'sdk']),
  // What the real code of DynamoDB says, as far as it runs here.
  cell('DynamoDB Local', 'read', 'many', 64, ['package', 'sdk']),
  cell('DynamoDB Local', 'transact', 'many', 64, ['package', 'sdk', 'threeRoundTrips']),
  cell('DynamoDB Local', 'transact', 'hot', 64, ['package', 'sdk']),
];
