// What breaks, and for how long. Each situation returns the instant from which recovery counts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate } from 'selfsigned';

import { openNetwork, whyNoNamespaces } from '../../__tests__/outages/namespaces.cjs';
import { Load, now, PEERS } from './load.mjs';
import { StandIn } from './stand-in.mjs';

/** @typedef {import('./load.mjs').PeerName} PeerName */
/** @typedef {Record<PeerName, Load>} Loads */

/**
 * `since`: when it was over. `notes`: what else was seen of a peer.
 *
 * @typedef {{ since: number, notes?: Partial<Record<PeerName, string>> }} Course
 *
 * @typedef {object} Situation
 * @property {string} name
 * @property {(longest: number) => Promise<Outcome>} measure
 *
 * @typedef {Record<PeerName, { recovery: ReturnType<Load['recovery']>, note: string }>} Outcome
 */

const CALLERS = 20;
const SECOND = 1000;

/** Between two calls of a caller, in milliseconds. */
const PAUSE = 20;

/** For how long nothing gets through, in milliseconds. */
const BLACK_HOLE = 10 * SECOND;

/**
 * Both peers at once, so that it is the same outage.
 *
 * @param {string} endpoint
 * @param {(loads: Loads) => Promise<Course>} course
 * @param {number} longest how long to wait for recovery, in milliseconds
 * @param {{ callers?: number, slowCredentials?: number, isRested?: boolean,
 *   settings?: ConstructorParameters<typeof Load>[1] }} [how]
 * @returns {Promise<Outcome>}
 */
async function under(endpoint, course, longest, how = {}) {
  const { callers = CALLERS, slowCredentials = 0, settings } = how;
  const open = (/** @type {PeerName} */ peer) =>
    new Load(
      {
        peer,
        endpoint,
        users: Array.from({ length: callers }, (_, caller) => `${peer}-${caller}`),
        kinds: ['transact', 'read'],
        pause: PAUSE,
        slowCredentials,
      },
      settings,
    );
  const loads = { package: open('package'), sdk: open('sdk') };
  try {
    const { since, notes = {} } = await course(loads);
    await Promise.all(PEERS.map((peer) => loads[peer].untilServed(since, longest)));
    const seen = (/** @type {PeerName} */ peer) => ({
      recovery: loads[peer].recovery(since),
      note: notes[peer] ?? '',
    });
    return { package: seen('package'), sdk: seen('sdk') };
  } finally {
    loads.package.stop();
    loads.sdk.stop();
  }
}

/** @param {Loads} loads */
async function warm({ package: own, sdk }) {
  await Promise.all([own.untilWarm(), sdk.untilWarm()]);
}

/**
 * On a wire of its own, whose packets vanish.
 *
 * @param {(network: Awaited<ReturnType<typeof openNetwork>>) => Promise<Outcome>} measure
 */
async function inNetwork(measure) {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-outages-'));
  const path = join(folder, 'stand-in');
  const standIn = new StandIn();
  await standIn.open(path);
  const network = await openNetwork(path);
  try {
    return await measure(network);
  } finally {
    network.close();
    standIn.close();
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {(standIn: StandIn) => Promise<Outcome>} measure
 * @param {{ key: string, cert: string }} [certificate]
 */
async function withStandIn(measure, certificate) {
  const standIn = new StandIn(certificate);
  await standIn.open();
  try {
    return await measure(standIn);
  } finally {
    standIn.close();
  }
}

const missing = whyNoNamespaces();

/** @type {Situation} */
const realBlackHole = {
  name: 'black hole of 10 s (packets vanish)',
  measure: (longest) =>
    inNetwork((network) =>
      under(
        network.endpoint,
        async (loads) => {
          await warm(loads);
          network.cut();
          await sleep(BLACK_HOLE);
          network.mend();
          return { since: now() };
        },
        longest,
        { settings: { start: network.start } },
      ),
    ),
};

/** @type {Situation} */
const heldBlackHole = {
  name: 'black hole of 10 s (connections held)',
  measure: (longest) =>
    withStandIn((standIn) =>
      under(
        standIn.endpoint,
        async (loads) => {
          await warm(loads);
          standIn.treat('held');
          await sleep(BLACK_HOLE);
          standIn.treat('passed');
          return { since: now() };
        },
        longest,
      ),
    ),
};

/** @type {Situation} */
const idleConnections = {
  name: '20 idle connections forgotten by the network',
  measure: (longest) =>
    withStandIn((standIn) =>
      under(
        standIn.endpoint,
        async (loads) => {
          await warm(loads);
          loads.package.tell('rest');
          loads.sdk.tell('rest');
          await sleep(SECOND);
          standIn.forgetConnections();
          const since = now();
          loads.package.tell('go on');
          loads.sdk.tell('go on');
          return { since };
        },
        longest,
      ),
    ),
};

/** @type {Situation} */
const deadAddress = {
  name: 'the first of two addresses is dead, from the start',
  measure: (longest) =>
    inNetwork((network) =>
      under(network.endpointOfBoth, async () => ({ since: now() }), longest, {
        settings: { start: network.start },
      }),
    ),
};

/** @type {Situation} */
const restart = {
  name: 'server restarts: connections reset, none accepted for 2 s',
  measure: (longest) =>
    withStandIn((standIn) =>
      under(
        standIn.endpoint,
        async (loads) => {
          await warm(loads);
          await standIn.closeFront();
          await sleep(2 * SECOND);
          await standIn.openFront();
          return { since: now() };
        },
        longest,
      ),
    ),
};

const STORM = 5 * SECOND;

/** @type {Situation} */
const throttling = {
  name: 'every request throttled for 5 s, 500 callers',
  measure: (longest) =>
    withStandIn((standIn) =>
      under(
        standIn.endpoint,
        async (loads) => {
          await warm(loads);
          standIn.isThrottling = true;
          const before = new Map(standIn.requests);
          await sleep(STORM);
          const rate = (/** @type {PeerName} */ peer) =>
            ((standIn.requests.get(peer) ?? 0) - (before.get(peer) ?? 0)) / (STORM / SECOND);
          const notes = {
            package: `${rate('package').toFixed(0)} requests/s in the storm`,
            sdk: `${rate('sdk').toFixed(0)} requests/s in the storm`,
          };
          standIn.isThrottling = false;
          return { since: now(), notes };
        },
        longest,
        { callers: 500 },
      ),
    ),
};

/** @type {Situation} */
const handshake = {
  name: 'TLS handshakes hang for 5 s, from the start',
  measure: async (longest) => {
    const root = await generate([{ name: 'commonName', value: 'An authority' }], {
      extensions: [{ name: 'basicConstraints', cA: true }],
    });
    const certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
      ca: { key: root.private, cert: root.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    });
    const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-outages-'));
    const authority = join(folder, 'authority.pem');
    writeFileSync(authority, root.cert);
    const environment = { AWS_CA_BUNDLE: authority, NODE_EXTRA_CA_CERTS: authority };
    try {
      return await withStandIn(
        (standIn) =>
          under(
            standIn.endpoint,
            async () => {
              standIn.treat('silent from the start');
              await sleep(5 * SECOND);
              standIn.treat('passed');
              return { since: now() };
            },
            longest,
            { settings: { environment } },
          ),
        { key: certificate.private, cert: certificate.cert },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** @type {Situation} */
const credentials = {
  name: 'credentials that take 6 s, from the start',
  measure: (longest) =>
    withStandIn((standIn) =>
      under(standIn.endpoint, async () => ({ since: now() }), longest, {
        slowCredentials: 6 * SECOND,
      }),
    ),
};

/** @type {Situation} */
const clock = {
  name: 'clock off by an hour, from the start',
  measure: (longest) =>
    withStandIn((standIn) => {
      standIn.ahead = 3600 * SECOND;
      return under(standIn.endpoint, async () => ({ since: now() }), longest);
    }),
};

/** Those that can be measured here, and why the others cannot. */
export const situations = [
  ...(missing === undefined ? [realBlackHole] : []),
  heldBlackHole,
  idleConnections,
  ...(missing === undefined ? [deadAddress] : []),
  restart,
  throttling,
  handshake,
  credentials,
  clock,
];

export { missing };
