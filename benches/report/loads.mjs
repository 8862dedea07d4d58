// Tables with a row for each load and a column for each peer.

import { spell, spellCallers, table } from './markdown.mjs';
import { names, peerOrder } from './names.mjs';
import { find } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('../measure/results.d.ts').Measurement} Measurement */
/** @typedef {import('./statistics.mjs').Query} Query */
/** @typedef {import('./statistics.mjs').FigureName} FigureName */

const CALLS = {
  read: '`getCurrentBalance`',
  transact: '`transact`',
  transfer: '`createTransactions`: a transfer',
  sale: '`createTransactions`: a sale of three parties',
  reserve: '`createHold`',
  settle: '`createHold` and `captureHold` of half of it',
};

export const USERS = { many: 'many', hot: 'one' };

/**
 * @param {Results} results
 * @param {FigureName} figure
 * @param {Measurement['server'][]} servers
 */
export function loads(results, figure, servers) {
  return tableOf(results, servers, (query) => spell(find(results, figure, query)));
}

/**
 * @param {Results} results
 * @param {Measurement['server'][]} servers
 * @param {(query: Query) => string} cell
 */
export function tableOf(results, servers, cell) {
  const peers = peersOn(results, servers);
  const header = ['server', 'call', 'users', 'callers', ...peers.map((peer) => names[peer])];
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const { server, operation, users, callers, processes } of results.measurements) {
    const key = [server, operation, users, callers].join();
    if (servers.includes(server) && processes === 1 && !rows.has(key)) {
      rows.set(key, [
        server,
        CALLS[operation],
        USERS[users],
        spellCallers(callers),
        ...peers.map((peer) => cell({ server, operation, users, callers, peer })),
      ]);
    }
  }
  return table(header, [...rows.values()]);
}

/**
 * @param {Results} results
 * @param {Measurement['server'][]} servers
 */
function peersOn({ measurements }, servers) {
  return peerOrder.filter((peer) =>
    measurements.some((each) => each.peer === peer && servers.includes(each.server)),
  );
}
