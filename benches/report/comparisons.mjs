// What one load on one peer is against another, by medians of one run. What was not measured is
// undefined.

import {
  LATENCY,
  MANY_CALLERS,
  MODELS,
  RECORDS_PER_TRANSACTION,
  SLOWER_OF_TWO,
} from '../measure/grid.mjs';
import { find, findStart } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./statistics.mjs').Query} Query */

/** @type {Query} */
export const reads = { server: 'stand-in', operation: 'read', users: 'many' };
/** @type {Query} */
export const transactions = { server: 'stand-in', operation: 'transact', users: 'many' };
/** @type {Query} */
export const hot = { server: 'model', operation: 'transact', users: 'hot' };

/** Transactions a second that one process can commit on one account of the model. */
export const physicalLimit = (perRequest = RECORDS_PER_TRANSACTION) =>
  (perRequest * 1000) / LATENCY;

/**
 * What a user gains against SDK v3, the largest first. What was not measured is left out.
 *
 * @param {Results} results
 * @returns {{ what: string, times: number }[]}
 */
export function advantages(results) {
  const all = [
    {
      what: 'Debits and credits per second on one account',
      times: perSecondAgainstSdk(results, 'transact'),
    },
    { what: 'Holds per second on one account', times: perSecondAgainstSdk(results, 'reserve') },
    {
      what: 'Transfers per second to one account',
      times: perSecondAgainstSdk(results, 'transfer'),
    },
    { what: 'Balances read per CPU second', times: againstSdk(results, { ...reads, callers: 64 }) },
    {
      what: 'Transactions per CPU second, many users',
      times: againstSdk(results, { ...transactions, callers: 64 }),
    },
    {
      what: 'Time to the first balance, over HTTPS',
      times: firstBalanceAgainst(results, 'sdk'),
    },
  ];
  return all
    .flatMap(({ what, times }) => (times === undefined ? [] : [{ what, times }]))
    .sort((one, other) => other.times - one.times);
}

/**
 * How many times as much CPU the SDK takes per call.
 *
 * @param {Results} results
 * @param {Query} query
 */
export function againstSdk(results, query) {
  return ratio(
    find(results, 'cpuPerCall', { ...query, peer: 'sdk' }),
    find(results, 'cpuPerCall', { ...query, peer: 'package' }),
  );
}

/**
 * How many times as much CPU this package takes per call as one hand-signed request.
 *
 * @param {Results} results
 * @param {Query} query
 */
export function againstFloor(results, query) {
  return ratio(
    find(results, 'cpuPerCall', { ...query, peer: 'package' }),
    find(results, 'cpuPerCall', { ...query, peer: 'floor' }),
  );
}

/**
 * How many times as much is committed per second on one account as by the SDK.
 *
 * @param {Results} results
 * @param {NonNullable<Query['operation']>} operation
 */
export function perSecondAgainstSdk(results, operation) {
  return ratio(
    find(results, 'perSecond', { ...hot, operation, callers: 64, peer: 'package' }),
    find(results, 'perSecond', { ...hot, operation, callers: 64, peer: 'sdk' }),
  );
}

/**
 * How many times as long a peer takes to the first balance over HTTPS.
 *
 * @param {Results} results
 * @param {'sdk' | 'bundle'} peer
 */
export function firstBalanceAgainst(results, peer) {
  return ratio(
    findStart(results, 'firstBalance', { peer, protocol: 'https' }),
    findStart(results, 'firstBalance', { peer: 'package', protocol: 'https' }),
  );
}

/** @param {Results} results */
export function memoryShare(results) {
  const bare = find(results, 'memory', { ...reads, callers: 64, peer: 'nothing' });
  const shares = [reads, transactions].map((query) => {
    const above = (/** @type {'package' | 'sdk'} */ peer) => {
      const memory = find(results, 'memory', { ...query, callers: 64, peer });
      return memory === undefined || bare === undefined ? undefined : memory - bare;
    };
    return ratio(above('package'), above('sdk'));
  });
  return shares.includes(undefined) ? undefined : Math.max(...shares.map(Number));
}

/** The models at which many callers call for many users. */
export const LATENCIES = /** @type {const} */ (['model with 20 ms', 'model', 'model with spread']);

/** @typedef {typeof LATENCIES[number] | 'model without latency'} LatencyModel */

/**
 * Many callers, many users.
 *
 * @param {LatencyModel} server
 * @returns {Query}
 */
export function crowdOn(server) {
  return { server, operation: 'transact', users: 'many', callers: MANY_CALLERS };
}

/**
 * Calls a second that the latency of a model allows many callers.
 *
 * @param {typeof LATENCIES[number]} server
 */
export function allowedByLatency(server) {
  const { latency, spread } = MODELS[server];
  return (MANY_CALLERS * 1000) / (latency * (spread === 0 ? 1 : SLOWER_OF_TWO));
}

/**
 * What many callers reach of what latency or the processor allows, whichever is smaller.
 *
 * @param {Results} results
 * @param {typeof LATENCIES[number]} server
 */
export function shareOfPossible(results, server) {
  const perSecond = (/** @type {LatencyModel} */ name) =>
    find(results, 'perSecond', { ...crowdOn(name), peer: 'package' });
  const processor = perSecond('model without latency');
  return processor === undefined
    ? undefined
    : ratio(perSecond(server), Math.min(processor, allowedByLatency(server)));
}

/**
 * @param {number | undefined} dividend
 * @param {number | undefined} divisor
 */
export function ratio(dividend, divisor) {
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}
