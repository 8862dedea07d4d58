// npm run bench:compare -- FOLDER: this build beside another checkout of the project that has been
// built, in one run and with the same loads: what a change costs or gains. Nothing is kept.
// `--loads TEXT` takes only those with the text in their titles.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { root, run } from '../../scripts/setup.mjs';
import { peers } from '../peers/index.mjs';
import { median } from '../report/statistics.mjs';
import { combine } from './figures.mjs';
import { DURATION, grid, MODELS, STARTS, WARM_UP } from './grid.mjs';
import { drive, measureStartUp, startModel, startServer } from './processes.mjs';

/** @typedef {import('./grid.mjs').Cell} Cell */
/** @typedef {import('./driver.cjs').Load} Load */
/** @typedef {Record<string, number>} Figures */

/** More than the benchmark's: differences of a few per cent are looked for. */
const ROUNDS = 9;

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: String(ROUNDS) },
    loads: { type: 'string', default: '' },
  },
  allowPositionals: true,
});
const otherFolder = resolve(positionals[0] ?? '');
const other = `${otherFolder}/benches/peers/dynamodb-balance.cjs`;
if (positionals.length !== 1 || !existsSync(other)) {
  process.stderr.write('npm run bench:compare -- FOLDER: a checkout of this project, built\n');
  process.exit(1);
}
for (const folder of [otherFolder, root]) {
  install(folder);
}
const builds = { before: other, after: peers.package };
/** @type {(keyof typeof builds)[]} */
const FIRST_BEFORE = ['before', 'after'];
/** @type {(keyof typeof builds)[]} */
const FIRST_AFTER = ['after', 'before'];

/** The loads of one process that both builds know, at the servers that need no certificate. */
const cells = grid.filter(
  ({ server, operation, processes, peers: measured }) =>
    (server === 'stand-in' || server in MODELS) &&
    (operation === 'read' || operation === 'transact') &&
    processes === 1 &&
    measured.includes('package'),
);

/**
 * What was built last is what is measured.
 *
 * @param {string} folder
 */
function install(folder) {
  const program = `${folder}/benches/peers/install.mjs`;
  // Before there was one, the repository itself was measured.
  if (existsSync(program)) {
    run('node', [program], { cwd: folder, stdio: 'ignore' });
  }
}

/**
 * @param {Cell} cell
 * @param {string} peer
 * @returns {Promise<Figures>}
 */
async function measure(cell, peer) {
  const { server, operation, users, callers, warmUp = WARM_UP, duration = DURATION } = cell;
  const service = await (server in MODELS
    ? startModel(MODELS[/** @type {keyof typeof MODELS} */ (server)])
    : startServer('stand-in', []));
  /** @type {Load} */
  const load = {
    ...{ peer, operation, users, callers, endpoint: `http://${service.address}` },
    ...{ warmUp, duration, environment: {} },
  };
  try {
    const figures = combine(peer, await drive([load], async () => undefined));
    const { calls, seconds, cpuMicroseconds, p99 } = figures;
    return { throughput: calls / seconds, 'CPU per call': cpuMicroseconds / calls, p99 };
  } finally {
    service.stop();
  }
}

/**
 * @param {string} peer
 * @returns {Promise<Figures>}
 */
async function start(peer) {
  const service = await startServer('stand-in', []);
  try {
    const { require, firstBalance } = await measureStartUp(peer, `http://${service.address}`, {});
    return { require, 'first balance': firstBalance };
  } finally {
    service.stop();
  }
}

/**
 * Both in turn, so that whatever else the machine does meets both alike.
 *
 * @param {string} title
 * @param {number} rounds
 * @param {(peer: string) => Promise<Figures>} measureOne
 */
async function compare(title, rounds, measureOne) {
  /** @type {Record<keyof typeof builds, Figures[]>} */
  const figures = { before: [], after: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? FIRST_BEFORE : FIRST_AFTER;
    for (const build of order) {
      figures[build].push(await measureOne(builds[build]));
    }
  }
  const ratios = Object.keys(figures.after[0] ?? {}).map((name) => {
    const of = (/** @type {keyof typeof builds} */ build) =>
      median(figures[build].map((each) => Number(each[name])));
    return `${name} ${(of('after') / of('before')).toFixed(3)}`;
  });
  process.stdout.write(`${title}: ${ratios.join(', ')}\n`);
}

process.stdout.write(`After : before, medians of ${values.rounds} rounds\n`);
if ('start'.includes(values.loads)) {
  await compare('start', STARTS, start);
}
for (const cell of cells) {
  const { server, operation, users, callers } = cell;
  const title = `${server}, ${operation}, ${users}, ${callers} callers`;
  if (title.includes(values.loads)) {
    await compare(title, Number(values.rounds), (peer) => measure(cell, peer));
  }
}
process.exit();
