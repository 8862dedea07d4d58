// What this package sets out to reach, each judged by medians of one run.

import { CROWD, LATENCY, RECORDS_PER_TRANSACTION } from '../measure/grid.mjs';
import { find, findStart } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./statistics.mjs').Query} Query */
/** @typedef {import('./statistics.mjs').FigureName} FigureName */

/**
 * @typedef {object} Goal
 * @property {string} title
 * @property {string} goal
 * @property {number | undefined} reached undefined if it was not measured
 * @property {(reached: number) => string} spell
 * @property {(reached: number) => boolean} isMet
 */

/** @type {Query} */
const reads = { server: 'stand-in', operation: 'read', users: 'many' };
/** @type {Query} */
const transactions = { server: 'stand-in', operation: 'transact', users: 'many' };
/** @type {Query} */
const hot = { server: 'model', operation: 'transact', users: 'hot' };

const groups = /** @type {const} */ ([
  {
    operation: 'transfer',
    title: `64 callers, 2,000 users paying one merchant, ${LATENCY} ms model: transfers per second, against SDK v3 with retries`,
    goal: 10,
  },
  {
    operation: 'sale',
    title: `64 callers, sales of three parties on one platform, ${LATENCY} ms model: sales per second, against SDK v3 with retries`,
    goal: 15,
  },
  {
    operation: 'reserve',
    title: `64 callers, holds on one account, ${LATENCY} ms model: holds per second, against SDK v3 with retries`,
    goal: 30,
  },
]);

/** @param {number} ratio */
const times = (ratio) => `${spellNumber(ratio)} ×`;

/** @param {number} number */
export function spellNumber(number) {
  return number.toLocaleString('en', { maximumSignificantDigits: number < 1000 ? 3 : 4 });
}

/**
 * @param {Results} results
 * @returns {Goal[]}
 */
export function judge(results) {
  return [
    atLeast(8, 'First balance over HTTPS in a fresh process, against SDK v3 bundled', 'faster', {
      reached: firstBalanceAgainst(results, 'bundle'),
    }),
    {
      title: '`require` alone',
      goal: 'under 3 ms',
      reached: findStart(results, 'require', { peer: 'package', protocol: 'https' }),
      spell: (reached) => `${spellNumber(reached)} ms`,
      isMet: (reached) => reached < 3,
    },
    atLeast(20, 'CPU per `getCurrentBalance`, 64 callers, against SDK v3', 'less', {
      reached: againstSdk(results, { ...reads, callers: 64 }),
    }),
    {
      title: 'CPU per `getCurrentBalance`, 64 callers, against one hand-signed request per call',
      goal: 'no more',
      reached: ratio(
        find(results, 'cpuPerCall', { ...reads, callers: 64, peer: 'package' }),
        find(results, 'cpuPerCall', { ...reads, callers: 64, peer: 'floor' }),
      ),
      spell: (reached) => `${times(reached)} the floor`,
      isMet: (reached) => reached <= 1,
    },
    atLeast(5, 'CPU per `getCurrentBalance`, 1 caller, against SDK v3', 'less', {
      reached: againstSdk(results, { ...reads, callers: 1 }),
    }),
    atLeast(8, 'CPU per `transact`, 64 callers, many users, against SDK v3', 'less', {
      reached: againstSdk(results, { ...transactions, callers: 64 }),
    }),
    atLeast(
      100,
      `Hot account, 64 callers, ${LATENCY} ms model: committed per second, against SDK v3 with retries`,
      'as many',
      {
        reached: perSecondAgainstSdk(results, 'transact'),
      },
    ),
    {
      title: `Hot account, ${CROWD.toLocaleString('en')} callers: share of the model's physical limit (${RECORDS_PER_TRANSACTION} per round trip and process)`,
      goal: '80 %',
      reached: ratio(
        find(results, 'perSecond', { ...hot, callers: CROWD, peer: 'package' }),
        physicalLimit,
      ),
      spell: (reached) => `${spellNumber(100 * reached)} %`,
      isMet: (reached) => reached >= 0.8,
    },
    {
      title:
        'Hot account, 64 callers each: committed per second by four processes, against one alone',
      goal: 'no less',
      reached: ratio(
        find(results, 'perSecond', { ...hot, callers: 64, peer: 'package', processes: 4 }),
        find(results, 'perSecond', { ...hot, callers: 64, peer: 'package' }),
      ),
      spell: times,
      isMet: (reached) => reached >= 1,
    },
    ...groups.map(({ operation, title, goal }) =>
      atLeast(goal, title, 'as many', {
        reached: perSecondAgainstSdk(results, operation),
      }),
    ),
    {
      title:
        'Memory above bare Node, 64 callers, against SDK v3 (the worse of reads and transactions)',
      goal: 'a third',
      reached: memoryShare(results),
      spell: (reached) => `${spellNumber(100 * reached)} %`,
      isMet: (reached) => reached <= 1 / 3,
    },
    {
      title: 'WCU per transaction on a hot account, 64 callers',
      goal: '2.1',
      reached: find(results, 'writeUnits', { ...hot, callers: 64, peer: 'package' }),
      spell: spellNumber,
      isMet: (reached) => reached <= 2.1,
    },
  ];
}

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

/** Transactions a second that one process can commit on one account of the model. */
export const physicalLimit = (RECORDS_PER_TRANSACTION * 1000) / LATENCY;

/**
 * @param {number} goal
 * @param {string} title
 * @param {string} what
 * @param {{ reached: number | undefined }} result
 * @returns {Goal}
 */
function atLeast(goal, title, what, { reached }) {
  return {
    title,
    goal: `${goal} × ${what}`,
    reached,
    spell: times,
    isMet: (ratio) => ratio >= goal,
  };
}

/**
 * How many times as much CPU the SDK takes per call.
 *
 * @param {Results} results
 * @param {Query} query
 */
function againstSdk(results, query) {
  return ratio(
    find(results, 'cpuPerCall', { ...query, peer: 'sdk' }),
    find(results, 'cpuPerCall', { ...query, peer: 'package' }),
  );
}

/**
 * How many times as much is committed per second on one account as by the SDK.
 *
 * @param {Results} results
 * @param {NonNullable<Query['operation']>} operation
 */
function perSecondAgainstSdk(results, operation) {
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
function firstBalanceAgainst(results, peer) {
  return ratio(
    findStart(results, 'firstBalance', { peer, protocol: 'https' }),
    findStart(results, 'firstBalance', { peer: 'package', protocol: 'https' }),
  );
}

/** @param {Results} results */
function memoryShare(results) {
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

/**
 * @param {number | undefined} dividend
 * @param {number | undefined} divisor
 */
function ratio(dividend, divisor) {
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}
