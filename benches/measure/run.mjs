// A whole run: start-up, then the grid, round by round, so that whatever else the machine does
// meets all peers alike.

import { createRequire } from 'node:module';
import process from 'node:process';

import { startDynamoDbLocal } from '../../scripts/dynamodb-local.mjs';
import { peers } from '../peers/index.mjs';
import { authority, certificate, key, makeCertificates } from './certificates.mjs';
import { grid, STARTS, WAITING } from './grid.mjs';
import { measure } from './load.mjs';
import { describeMachine, installedSizes } from './machine.mjs';
import { measureStartUp, measureWaiting, startModel, startServer } from './processes.mjs';

/** @typedef {import('./grid.mjs').Cell} Cell */
/** @typedef {import('./results.d.ts').Results} Results */
/** @typedef {import('./results.d.ts').Measurement} Measurement */
/** @typedef {Awaited<ReturnType<typeof openServers>>} Servers */

/** Longer than any process runs, in milliseconds. */
const NEVER = 3_600_000;

/**
 * @param {{ rounds: number }} options
 * @returns {Promise<Results>}
 */
export async function runAll({ rounds }) {
  const started = performance.now();
  const machine = describeMachine();
  await makeCertificates();
  const servers = await openServers();
  try {
    const startUp = await measureAllStarts(servers, Math.ceil((STARTS * rounds) / 3));
    const measurements = await measureGrid(servers, rounds);
    const waiting = await measureAllWaiting(rounds);
    return {
      date: new Date().toISOString(),
      minutes: (performance.now() - started) / 60_000,
      rounds,
      machine,
      sizes: installedSizes(),
      startUp,
      measurements,
      waiting,
    };
  } finally {
    await servers.close();
  }
}

async function openServers() {
  const plain = await startServer('stand-in', []);
  const secure = await startServer('stand-in', [certificate, key]);
  const local = await startDynamoDbLocal();
  const { BalanceClient } = createRequire(import.meta.url)('../..');
  const client = new BalanceClient({
    endpoint: local.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await client.createTables();
  return {
    plain,
    http: `http://${plain.address}`,
    // The certificate is for this name.
    https: `https://${secure.address.replace('127.0.0.1', 'localhost')}`,
    local: local.endpoint,
    close: async () => {
      plain.stop();
      secure.stop();
      await local.stop();
    },
  };
}

/**
 * @param {Servers} servers
 * @param {number} starts
 */
async function measureAllStarts(servers, starts) {
  const startUp = [];
  for (let start = 1; start <= starts; start += 1) {
    for (const peer of /** @type {const} */ (['package', 'sdk', 'bundle'])) {
      for (const protocol of /** @type {const} */ (['http', 'https'])) {
        const times = await measureStartUp(peers[peer], servers[protocol], {
          NODE_EXTRA_CA_CERTS: authority,
        });
        startUp.push({ peer, protocol, ...times });
      }
    }
    say(`start-up, ${start} of ${starts}`);
  }
  return startUp;
}

/**
 * @param {Servers} servers
 * @param {number} rounds
 */
async function measureGrid(servers, rounds) {
  /** @type {Measurement[]} */
  const measurements = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, cell] of grid.entries()) {
      const results = [];
      for (const peer of rotated(cell.peers, round)) {
        const figures = await measure(servers, cell, peer, {
          what: `${peer}, ${title(cell)}`,
          round,
        });
        results.push({ ...loadOf(cell), peer, round, ...figures });
      }
      measurements.push(...results);
      const rates = results.map(({ peer, calls, seconds }) => `${peer} ${rate(calls / seconds)}`);
      say(
        `round ${round} of ${rounds}, ${index + 1} of ${grid.length}: ${title(cell)}: ${rates.join(', ')}`,
      );
    }
  }
  return measurements;
}

/** The memory of calls that are not answered. @param {number} rounds */
async function measureAllWaiting(rounds) {
  const waiting = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const operation of /** @type {const} */ (['read', 'transact'])) {
      const never = await startModel({ latency: NEVER, spread: 0, history: false });
      const endpoint = `http://${never.address}`;
      try {
        const load = { peer: peers.package, endpoint, operation, users: 'many', calls: WAITING };
        waiting.push({ operation, round, ...(await measureWaiting(load)) });
      } finally {
        never.stop();
      }
    }
    say(`calls that wait, ${round} of ${rounds}`);
  }
  return waiting;
}

/**
 * Each round begins with another peer.
 *
 * @template T
 * @param {T[]} list
 * @param {number} by
 */
function rotated(list, by) {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** What tells a cell from others. @param {Cell} cell */
function loadOf({ peers: _, warmUp: __, duration: ___, ...load }) {
  return load;
}

/** @param {Cell} cell */
function title({ server, operation, users, callers, processes, arrivals }) {
  const several = processes > 1 ? `${processes} processes of ` : '';
  const due = arrivals === undefined ? '' : `, ${arrivals} calls due a second`;
  return `${server}, ${operation}, ${users}, ${several}${callers} callers${due}`;
}

/** @param {number} perSecond */
function rate(perSecond) {
  return `${Math.round(perSecond).toLocaleString('en')}/s`;
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
