// The fleet: many processes with one call at a time each, on one account.

import { ARRIVALS, FLEET, LATENCY } from '../measure/grid.mjs';
import { hot } from './comparisons.mjs';
import { spell, spellLatency, spellNumber, table } from './markdown.mjs';
import { names } from './names.mjs';
import { find } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./statistics.mjs').Query} Query */

/** Each process calls again as soon as it is answered. @type {Query} */
export const closedLoop = { ...hot, callers: 1, processes: FLEET };

/** Calls become due whether or not earlier ones were answered. @type {Query} */
export const openLoop = { ...closedLoop, arrivals: ARRIVALS };

/** @param {number} share of the median that the slowest process has */
export const spellSlowest = (share) => `1 : ${spellNumber(1 / share)}`;

/** @param {Results} results */
export function fleet(results) {
  const rows = /** @type {const} */ ([
    [`${ARRIVALS} due per second`, openLoop],
    ['again at once', closedLoop],
  ]).flatMap(([calls, load]) =>
    /** @type {const} */ (['package', 'sdk']).map((peer) => [
      calls,
      names[peer],
      ...figuresOf(results, { ...load, peer }),
    ]),
  );
  const header = ['calls', '', 'per second', 'p50 / p99', 'attempts per commit', 'slowest process'];
  return `## A fleet

The shape of Lambda: ${FLEET} processes with one call at a time each, all on one account of the model. Its latency
of ${LATENCY} ms allows ${1000 / LATENCY} transactions per second. The processes do not know of each other, so their transactions cancel
each other and have to be attempted again.

First, calls become due at random moments (a Poisson process${seedsOf(results)}), and the milliseconds of
a call count from when it was due. Then, each process calls again as soon as it is answered, and the last column
compares the calls of the slowest process with the median.

${table(header, rows)}`;
}

/**
 * @param {Results} results
 * @param {Query} query
 */
function figuresOf(results, query) {
  const slowest = find(results, 'slowestProcess', query);
  return [
    spell(find(results, 'perSecond', query)),
    spellLatency(find(results, 'p50', query), find(results, 'p99', query)),
    spell(find(results, 'attemptsPerCommit', query)),
    query.arrivals !== undefined || slowest === undefined ? '' : spellSlowest(slowest),
  ];
}

/** @param {Results} results */
function seedsOf({ measurements }) {
  const seeds = new Set(measurements.flatMap(({ seed }) => (seed === undefined ? [] : [seed])));
  return seeds.size === 0 ? '' : `; seeds: ${[...seeds].join(', ')}`;
}
