// One load on one peer, and what its server has to say about it.

import { peers } from '../peers/index.mjs';
import { drawArrivals } from './arrivals.mjs';
import { authority } from './certificates.mjs';
import { combine } from './figures.mjs';
import { DURATION, MODELS, WARM_UP } from './grid.mjs';
import { drive, measureFloor, startModel } from './processes.mjs';

/** @typedef {import('./grid.mjs').Cell} Cell */
/** @typedef {import('./grid.mjs').ServerName} ServerName */
/** @typedef {import('./driver.cjs').Load} Load */
/** @typedef {import('./results.d.ts').Counted} Counted */

/** Peers that may lose money; with any other a wrong sum ends the run. */
const LOSING = new Set(['threeRoundTrips']);

/**
 * @param {import('./run.mjs').Servers} servers
 * @param {Cell} cell
 * @param {Cell['peers'][number]} peer
 * @param {{ what: string, round: number }} place for errors, and for what is drawn
 */
export async function measure(servers, cell, peer, { what, round }) {
  const { server, operation, users, callers, duration = DURATION, warmUp = WARM_UP } = cell;
  if (peer === 'floor') {
    const { address } = servers.plain;
    return await measureFloor({ address, operation, callers, duration });
  }
  const environment = { NODE_EXTRA_CA_CERTS: authority };
  const load = { peer: peers[peer], operation, users, callers, warmUp, duration, environment };
  const processes = Array.from({ length: cell.processes }, (_, index) => ({
    ...load,
    ...dueIn(cell, round, index),
  }));
  const figures = isModel(server)
    ? await measureOnModel(processes, server, { what, mayLose: LOSING.has(peer) })
    : await measureLoad(
        processes.map((each) => ({ ...each, endpoint: endpointOf(servers, server) })),
        what,
      );
  return cell.arrivals === undefined ? figures : { ...figures, seed: round };
}

/**
 * The same in each round for all peers, another in the next.
 *
 * @param {Cell} cell
 * @param {number} round
 * @param {number} index of the process
 */
function dueIn({ arrivals, processes, duration = DURATION }, round, index) {
  if (arrivals === undefined) {
    return {};
  }
  const perSecond = arrivals / processes;
  return { due: drawArrivals({ perSecond, seconds: duration, seed: [round, index] }) };
}

/**
 * @param {ServerName} server
 * @returns {server is keyof typeof MODELS}
 */
function isModel(server) {
  return server in MODELS;
}

/**
 * @param {import('./run.mjs').Servers} servers
 * @param {Exclude<ServerName, keyof typeof MODELS>} server
 */
function endpointOf(servers, server) {
  return {
    'stand-in': servers.http,
    'stand-in over HTTPS': servers.https,
    'DynamoDB Local': servers.local,
  }[server];
}

/**
 * A fresh model for each load: nothing is left from another.
 *
 * @param {Omit<Load, 'endpoint'>[]} loads
 * @param {keyof typeof MODELS} name
 * @param {{ what: string, mayLose: boolean }} conditions
 */
async function measureOnModel(loads, name, { what, mayLose }) {
  const model = await startModel(MODELS[name]);
  const endpoint = `http://${model.address}`;
  try {
    /** @type {Counted | undefined} */
    let before;
    const figures = await measureLoad(
      loads.map((load) => ({ ...load, endpoint })),
      what,
      async () => {
        before = await counted(endpoint);
      },
    );
    const after = await counted(endpoint);
    const audit = await fetchJson(`${endpoint}/audit`);
    if (audit.wrong > 0 && !mayLose) {
      throw new Error(`${what}: the books are wrong by ${audit.difference}`);
    }
    return { ...figures, counted: difference(after, before ?? after), audit };
  } finally {
    model.stop();
  }
}

/**
 * @param {Load[]} loads
 * @param {string} what
 * @param {() => Promise<void>} [begin]
 */
async function measureLoad(loads, what, begin = async () => undefined) {
  const { callsOfProcesses, ...figures } = combine(what, await drive(loads, begin));
  return loads.length === 1 ? figures : { ...figures, callsOfProcesses };
}

/**
 * @param {string} endpoint
 * @returns {Promise<Counted>}
 */
async function counted(endpoint) {
  return await fetchJson(`${endpoint}/statistics`);
}

/** @param {string} address */
async function fetchJson(address) {
  const response = await fetch(address, { signal: AbortSignal.timeout(30_000) });
  return /** @type {any} */ (await response.json());
}

/**
 * @param {Counted} after
 * @param {Counted} before
 */
function difference(after, before) {
  const names = /** @type {(keyof Counted)[]} */ (Object.keys(after));
  const entries = names.map((name) => [name, after[name] - before[name]]);
  return /** @type {Counted} */ (Object.fromEntries(entries));
}
