// A whole run: start-up, then the grid, round by round, so that whatever else the machine does
// meets all peers alike.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';

import { generate } from 'selfsigned';

import { startDynamoDbLocal } from '../../scripts/dynamodb-local.mjs';
import { madeFolder, peers } from '../peers/index.mjs';
import { DURATION, grid, LATENCY, SPREAD, STARTS, WARM_UP } from './grid.mjs';
import { describeMachine, installedSizes } from './machine.mjs';
import { drive, measureFloor, measureStartUp, startServer } from './processes.mjs';

/** @typedef {import('./grid.mjs').Cell} Cell */
/** @typedef {import('./driver.cjs').Load} Load */
/** @typedef {import('./results.d.ts').Results} Results */
/** @typedef {import('./results.d.ts').Measurement} Measurement */
/** @typedef {import('./results.d.ts').Counted} Counted */
/** @typedef {Awaited<ReturnType<typeof openServers>>} Servers */

const authority = `${madeFolder}/authority.pem`;
const certificate = `${madeFolder}/certificate.pem`;
const key = `${madeFolder}/key.pem`;

/** Peers that may lose money; with any other a wrong sum ends the run. */
const LOSING = new Set(['threeRoundTrips']);

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
    return {
      date: new Date().toISOString(),
      minutes: (performance.now() - started) / 60_000,
      rounds,
      machine,
      sizes: installedSizes(),
      startUp,
      measurements,
    };
  } finally {
    await servers.close();
  }
}

/** An authority and a certificate by it: not everybody takes one that vouches for itself. */
async function makeCertificates() {
  const root = await generate([{ name: 'commonName', value: 'Benchmarks' }], {
    extensions: [{ name: 'basicConstraints', cA: true }],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    ca: { key: root.private, cert: root.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  mkdirSync(madeFolder, { recursive: true });
  writeFileSync(authority, root.cert);
  writeFileSync(certificate, leaf.cert);
  writeFileSync(key, leaf.private, { mode: 0o600 });
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
        const figures = await measure(servers, cell, peer);
        results.push({ ...withoutPeers(cell), peer, round, ...figures });
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

/** @param {Cell} cell */
function withoutPeers({ peers: _, ...cell }) {
  return cell;
}

/**
 * @param {Servers} servers
 * @param {Cell} cell
 * @param {Cell['peers'][number]} peer
 */
async function measure(servers, cell, peer) {
  if (peer === 'floor') {
    const { address } = servers.plain;
    return await measureFloor({
      address,
      callers: cell.callers,
      duration: DURATION,
    });
  }
  const { operation, users, callers, server } = cell;
  const endpoints = {
    'stand-in': servers.http,
    'stand-in over HTTPS': servers.https,
    'DynamoDB Local': servers.local,
  };
  const load = {
    peer: peers[peer],
    operation,
    users,
    callers,
    warmUp: WARM_UP,
    duration: DURATION,
    environment: { NODE_EXTRA_CA_CERTS: authority },
  };
  const what = `${peer}, ${title(cell)}`;
  if (server in endpoints) {
    const endpoint = endpoints[/** @type {keyof typeof endpoints} */ (server)];
    return await measureLoad({ ...load, endpoint }, cell, what);
  }
  return await measureOnModel(load, cell, what, LOSING.has(peer));
}

/**
 * A fresh model for each load: nothing is left from another.
 *
 * @param {Omit<Load, 'endpoint'>} load
 * @param {Cell} cell
 * @param {string} what
 * @param {boolean} mayLose
 */
async function measureOnModel(load, cell, what, mayLose) {
  const spread = cell.server === 'model with spread' ? SPREAD : 0;
  const model = await startServer('model', [
    ...[String(LATENCY), String(spread)],
    ...(cell.server === 'model with history' ? ['history'] : []),
  ]);
  const endpoint = `http://${model.address}`;
  try {
    /** @type {Counted | undefined} */
    let before;
    const figures = await measureLoad({ ...load, endpoint }, cell, what, async () => {
      before = await counted(endpoint);
    });
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
 * @param {Load} load
 * @param {Cell} cell
 * @param {string} what
 * @param {() => Promise<void>} [begin]
 */
async function measureLoad(load, cell, what, begin = async () => undefined) {
  const figures = await drive(Array(cell.processes).fill(load), begin);
  const failure = figures.flatMap(({ failures }) => failures)[0];
  if (failure !== undefined) {
    throw new Error(`${what}: ${failure}`);
  }
  const [first] = figures;
  if (first === undefined) {
    throw new Error(`${what}: no process`);
  }
  const sum = (/** @type {'calls' | 'cpuMicroseconds'} */ name) =>
    figures.reduce((total, each) => total + each[name], 0);
  return {
    calls: sum('calls'),
    seconds: first.seconds,
    cpuMicroseconds: sum('cpuMicroseconds'),
    p50: first.p50,
    p99: first.p99,
    memory: first.memory,
  };
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

/** @param {Cell} cell */
function title({ server, operation, users, callers, processes }) {
  const several = processes > 1 ? `${processes} processes of ` : '';
  return `${server}, ${operation}, ${users}, ${several}${callers} callers`;
}

/** @param {number} perSecond */
function rate(perSecond) {
  return `${Math.round(perSecond).toLocaleString('en')}/s`;
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
