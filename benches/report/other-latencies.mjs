// What many callers with many users reach where the latency is another.

import { MANY_CALLERS, SLOWER_OF_TWO, SPREAD } from '../measure/grid.mjs';
import { allowedByLatency, crowdOn, LATENCIES, shareOfPossible } from './comparisons.mjs';
import { spell, spellLatency, spellNumber, table } from './markdown.mjs';
import { names } from './names.mjs';
import { find } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./comparisons.mjs').LatencyModel} LatencyModel */

/** @param {Results} results */
export function otherLatencies(results) {
  const header = [
    'server',
    'latency allows',
    `${names.package}, per second`,
    'of what is possible',
    'p50 / p99',
    `${names.sdk}, per second`,
    'p50 / p99',
  ];
  const rows = [
    ...LATENCIES.map((server) => {
      const share = shareOfPossible(results, server);
      return rowOf(results, server, [
        spellNumber(allowedByLatency(server)),
        share === undefined ? '' : `${spellNumber(100 * share)} %`,
      ]);
    }),
    rowOf(results, 'model without latency', ['', '']),
  ];
  return `## Many users, other latencies

${MANY_CALLERS} callers of \`transact\`, each call for another user. Latency allows as many calls per second as there are
callers, divided by it. The processor allows what is reached without latency. What is possible is the smaller of the
two. With a spread of ${SPREAD}, the slower item of a transaction takes ${SLOWER_OF_TWO} times the median on average.

${table(header, rows)}`;
}

/**
 * @param {Results} results
 * @param {LatencyModel} server
 * @param {[allowed: string, share: string]} possible
 */
function rowOf(results, server, [allowed, share]) {
  const rate = (/** @type {'package' | 'sdk'} */ peer) =>
    spell(find(results, 'perSecond', { ...crowdOn(server), peer }));
  const latency = (/** @type {'package' | 'sdk'} */ peer) => {
    const query = { ...crowdOn(server), peer };
    return spellLatency(find(results, 'p50', query), find(results, 'p99', query));
  };
  return [server, allowed, rate('package'), share, latency('package'), rate('sdk'), latency('sdk')];
}
