// What this package sets out to reach, each judged by medians of one run.

import {
  ARRIVALS,
  CROWD,
  FLEET,
  LATENCY,
  MANY_CALLERS,
  RECORDS_PER_TRANSACTION,
  WAITING,
} from '../measure/grid.mjs';
import {
  againstFloor,
  againstSdk,
  crowdOn,
  firstBalanceAgainst,
  hot,
  LATENCIES,
  memoryShare,
  perSecondAgainstSdk,
  physicalLimit,
  ratio,
  reads,
  shareOfPossible,
  transactions,
} from './comparisons.mjs';
import { closedLoop, openLoop, spellSlowest } from './fleet.mjs';
import { spellCallers, spellNumber } from './markdown.mjs';
import { find, findStart, findWaiting } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */

/**
 * @typedef {object} Goal
 * @property {string} title
 * @property {string} goal
 * @property {number | undefined} reached undefined if it was not measured
 * @property {(reached: number) => string} spell
 * @property {(reached: number) => boolean} isMet
 */

/** @typedef {Pick<Goal, 'title' | 'reached'>} Figure */

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

/** Attempts for each commit of a fleet, before it was a goal: the median of three rounds. */
const ATTEMPTS_BEFORE = 4.3;

/** The calls of the slowest process of a fleet, as a share of the median. */
const EVEN_ENOUGH = 1 / 1.5;

/**
 * @param {Results} results
 * @returns {Goal[]}
 */
export function judge(results) {
  return [
    ...startUp(results),
    ...cpu(results),
    ...hotAccount(results),
    ...manyUsers(results),
    ...fleet(results),
    ...resources(results),
  ];
}

/** @param {Results} results */
function startUp(results) {
  return [
    atLeast(10, 'faster', {
      title: 'First balance over HTTPS in a fresh process, against SDK v3 bundled',
      reached: firstBalanceAgainst(results, 'bundle'),
    }),
    under(2.5, 'ms', {
      title: '`require` alone',
      reached: findStart(results, 'require', { peer: 'package', protocol: 'https' }),
    }),
  ];
}

/** @param {Results} results */
function cpu(results) {
  return [
    atLeast(20, 'less', {
      title: 'CPU per `getCurrentBalance`, 64 callers, against SDK v3',
      reached: againstSdk(results, { ...reads, callers: 64 }),
    }),
    ofTheFloor(1, {
      title: 'CPU per `getCurrentBalance`, 64 callers, against one hand-signed request per call',
      reached: againstFloor(results, { ...reads, callers: 64 }),
    }),
    atLeast(5, 'less', {
      title: 'CPU per `getCurrentBalance`, 1 caller, against SDK v3',
      reached: againstSdk(results, { ...reads, callers: 1 }),
    }),
    atLeast(8, 'less', {
      title: 'CPU per `transact`, 64 callers, many users, against SDK v3',
      reached: againstSdk(results, { ...transactions, callers: 64 }),
    }),
    ofTheFloor(1.3, {
      title: 'CPU per `transact`, 64 callers, many users, against one hand-signed request per call',
      reached: againstFloor(results, { ...transactions, callers: 64 }),
    }),
  ];
}

/** @param {Results} results */
function hotAccount(results) {
  return [
    atLeast(100, 'as many', {
      title: `Hot account, 64 callers, ${LATENCY} ms model: committed per second, against SDK v3 with retries`,
      reached: perSecondAgainstSdk(results, 'transact'),
    }),
    shareAtLeast(90, {
      title: "Hot account, 64 callers: share of the model's physical limit (64 per round trip)",
      reached: ratio(
        find(results, 'perSecond', { ...hot, callers: 64, peer: 'package' }),
        physicalLimit(64),
      ),
    }),
    shareAtLeast(92, {
      title: `Hot account, ${spellCallers(CROWD)} callers: share of the model's physical limit (${RECORDS_PER_TRANSACTION} per round trip and process)`,
      reached: ratio(
        find(results, 'perSecond', { ...hot, callers: CROWD, peer: 'package' }),
        physicalLimit(),
      ),
    }),
    {
      title:
        'Hot account, 64 callers each: committed per second by four processes, against one alone',
      goal: 'no less',
      reached: ratio(
        find(results, 'perSecond', { ...hot, callers: 64, peer: 'package', processes: 4 }),
        find(results, 'perSecond', { ...hot, callers: 64, peer: 'package' }),
      ),
      spell: times,
      isMet: (/** @type {number} */ reached) => reached >= 1,
    },
    ...groups.map(({ operation, title, goal }) =>
      atLeast(goal, 'as many', { title, reached: perSecondAgainstSdk(results, operation) }),
    ),
  ];
}

/** @param {Results} results */
function manyUsers(results) {
  const callers = `Many users, ${MANY_CALLERS} callers of \`transact\``;
  return [
    ...LATENCIES.map((server) =>
      shareAtLeast(75, {
        title: `${callers}, ${server === 'model' ? `${LATENCY} ms model` : server}: share of what latency or the processor allows`,
        reached: shareOfPossible(results, server),
      }),
    ),
    under(40, 'ms', {
      title: `${callers}, model with 20 ms: p50`,
      reached: find(results, 'p50', { ...crowdOn('model with 20 ms'), peer: 'package' }),
    }),
  ];
}

/** @param {Results} results */
function fleet(results) {
  const due = `One account, ${FLEET} processes with one call at a time, ${ARRIVALS} calls due per second`;
  const attempts = (/** @type {'package' | 'sdk'} */ peer) =>
    find(results, 'attemptsPerCommit', { ...openLoop, peer });
  const mostAttempts = Math.max(ATTEMPTS_BEFORE, attempts('sdk') ?? 0);
  return [
    atMost(125, 'ms', {
      title: `${due}: p99`,
      reached: find(results, 'p99', { ...openLoop, peer: 'package' }),
    }),
    atMost(mostAttempts, '', {
      title: `${due}: attempts per commit (no more than SDK v3, or than the ${ATTEMPTS_BEFORE} before this was a goal)`,
      reached: attempts('package'),
    }),
    {
      title: `One account, ${FLEET} processes that call again at once: calls of the slowest process, against the median`,
      goal: spellSlowest(EVEN_ENOUGH),
      reached: find(results, 'slowestProcess', { ...closedLoop, peer: 'package' }),
      spell: spellSlowest,
      isMet: (/** @type {number} */ reached) => reached >= EVEN_ENOUGH,
    },
  ];
}

/** @param {Results} results */
function resources(results) {
  const waiting = [findWaiting(results, 'read'), findWaiting(results, 'transact')];
  return [
    {
      title:
        'Memory above bare Node, 64 callers, against SDK v3 (the worse of reads and transactions)',
      goal: 'a third',
      reached: memoryShare(results),
      spell: percent,
      isMet: (/** @type {number} */ reached) => reached <= 1 / 3,
    },
    atMost(1.5, 'KB', {
      title: `Memory of a call that waits, ${spellCallers(WAITING)} calls (the worse of reads and transactions)`,
      reached: waiting.includes(undefined) ? undefined : Math.max(...waiting.map(Number)) / 1000,
    }),
    atMost(2.1, '', {
      title: 'WCU per transaction on a hot account, 64 callers',
      reached: find(results, 'writeUnits', { ...hot, callers: 64, peer: 'package' }),
    }),
  ];
}

/** @param {number} ratio */
const times = (ratio) => `${spellNumber(ratio)} ×`;

/** @param {number} share */
const percent = (share) => `${spellNumber(100 * share)} %`;

/**
 * @param {number} goal
 * @param {string} what
 * @param {Figure} figure
 * @returns {Goal}
 */
function atLeast(goal, what, figure) {
  return {
    ...figure,
    goal: `${goal} × ${what}`,
    spell: times,
    isMet: (ratio) => ratio >= goal,
  };
}

/**
 * @param {number} goal in per cent
 * @param {Figure} figure
 * @returns {Goal}
 */
function shareAtLeast(goal, figure) {
  return { ...figure, goal: `${goal} %`, spell: percent, isMet: (share) => share >= goal / 100 };
}

/**
 * @param {number} goal
 * @param {string} unit
 * @param {Figure} figure
 * @returns {Goal}
 */
function atMost(goal, unit, figure) {
  const spell = (/** @type {number} */ number) => `${spellNumber(number)} ${unit}`.trim();
  return { ...figure, goal: spell(goal), spell, isMet: (reached) => reached <= goal };
}

/**
 * @param {number} goal
 * @param {string} unit
 * @param {Figure} figure
 * @returns {Goal}
 */
function under(goal, unit, figure) {
  const { spell } = atMost(goal, unit, figure);
  return { ...figure, goal: `under ${spell(goal)}`, spell, isMet: (reached) => reached < goal };
}

/**
 * @param {number} goal
 * @param {Figure} figure
 * @returns {Goal}
 */
function ofTheFloor(goal, figure) {
  const spell = (/** @type {number} */ ratio) => `${times(ratio)} the floor`;
  return {
    ...figure,
    goal: goal === 1 ? 'no more' : spell(goal),
    spell,
    isMet: (reached) => reached <= goal,
  };
}
