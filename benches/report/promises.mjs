// What this package's promises cost beside a plain transaction, by loads of the same run.

import { hot } from './comparisons.mjs';
import { USERS } from './loads.mjs';
import { spellNumber, table } from './markdown.mjs';
import { find } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./statistics.mjs').Query} Query */

/**
 * Something, and plain transactions that come closest to it.
 *
 * @typedef {object} Promised
 * @property {string} what
 * @property {Query} load
 * @property {number} records that a call writes
 * @property {string} plain
 * @property {Query} plainLoad
 * @property {number} plainCalls instead of one
 */

/** @type {Query} */
const plain = { ...hot, callers: 64, peer: 'package' };

/** @type {Promised[]} */
const PROMISED = [
  {
    ...{ what: 'one account: calls share requests', load: plain, records: 1 },
    plain: 'many users: a request for each call',
    ...{ plainLoad: { ...plain, users: 'many' }, plainCalls: 1 },
  },
  ...['hot', 'many'].flatMap((users) => extras({ ...plain, users: /** @type {any} */ (users) })),
];

/**
 * @param {Query} plainLoad
 * @returns {Promised[]}
 */
function extras(plainLoad) {
  const one = { plain: '`transact`', plainLoad, plainCalls: 1 };
  const two = { plain: 'two of `transact`', plainLoad, plainCalls: 2 };
  return [
    { what: 'a transfer', load: { ...plainLoad, operation: 'transfer' }, records: 2, ...two },
    { what: 'a hold', load: { ...plainLoad, operation: 'reserve' }, records: 1, ...one },
    // The hold is written twice, and what is given back is a record of its own.
    {
      what: 'a hold, half of it captured',
      load: { ...plainLoad, operation: 'settle' },
      records: 3,
      ...two,
    },
    {
      what: '`transact` with the index for the history',
      load: { ...plainLoad, server: 'model with history' },
      records: 1,
      ...one,
    },
  ];
}

/** @param {Results} results */
export function promises(results) {
  const rows = PROMISED.flatMap((promised) => {
    const cells = cellsOf(results, promised);
    const users = promised.load.users ?? 'hot';
    return cells.includes(undefined)
      ? []
      : [[promised.what, promised.plain, USERS[users], ...cells.map(String)]];
  });
  return `## What the promises cost

What goes beyond a plain transaction, beside as many plain transactions on the same model in the same run, with 64
callers. CPU time is that of the calling process.

${table(['what', 'instead of', 'users', 'per second', 'CPU, µs', 'WCU'], rows)}`;
}

/**
 * @param {Results} results
 * @param {Promised} promised
 */
function cellsOf(results, { load, records, plainLoad, plainCalls }) {
  return [
    cell(find(results, 'perSecond', load), find(results, 'perSecond', plainLoad), 1 / plainCalls),
    cell(find(results, 'cpuPerCall', load), find(results, 'cpuPerCall', plainLoad), plainCalls),
    cell(
      times(find(results, 'writeUnits', load), records),
      find(results, 'writeUnits', plainLoad),
      plainCalls,
    ),
  ];
}

/**
 * @param {number | undefined} number
 * @param {number} factor
 */
function times(number, factor) {
  return number === undefined ? undefined : number * factor;
}

/**
 * @param {number | undefined} reached
 * @param {number | undefined} ofPlain
 * @param {number} factor
 */
function cell(reached, ofPlain, factor) {
  return reached === undefined || ofPlain === undefined
    ? undefined
    : `${spellNumber(reached)} instead of ${spellNumber(ofPlain * factor)}`;
}
