// npm run bench:channels: what the channels of diagnostics_channel cost `transact`, in one run: where the
// runtime has none, where nobody subscribes, and where somebody does. Nothing is kept. Needs what
// `npm run bench` builds.

import process from 'node:process';
import { parseArgs } from 'node:util';
import { root } from '../../scripts/setup.mjs';
import { installPackage } from '../peers/install.mjs';
import { median } from '../report/statistics.mjs';
import { combine } from './figures.mjs';
import { DURATION, WARM_UP } from './grid.mjs';
import { drive, startServer } from './processes.mjs';

/** Differences of a few per cent are looked for. */
const ROUNDS = 15;

const CALLERS = 64;

const MANNERS = /** @type {const} */ (['absent', 'silent', 'heard']);

/** @typedef {typeof MANNERS[number]} Manner */

const { values } = parseArgs({ options: { rounds: { type: 'string', default: String(ROUNDS) } } });

/**
 * @param {Manner} manner
 * @returns {Promise<number>} CPU per call, in microseconds
 */
async function measure(manner) {
  const service = await startServer('stand-in', []);
  /** @type {import('./driver.cjs').Load} */
  const load = {
    peer: `${root}/benches/peers/channels.cjs`,
    endpoint: `http://${service.address}`,
    operation: 'transact',
    users: 'many',
    callers: CALLERS,
    warmUp: WARM_UP,
    duration: DURATION,
    environment: { CHANNELS: manner },
  };
  try {
    const figures = combine(manner, await drive([load], async () => undefined));
    return figures.cpuMicroseconds / figures.calls;
  } finally {
    service.stop();
  }
}

await installPackage();
/** @type {Record<Manner, number[]>} */
const figures = { absent: [], silent: [], heard: [] };
for (let round = 0; round < Number(values.rounds); round += 1) {
  // In turn, beginning with another one each time: whatever else the machine does meets all alike.
  for (let place = 0; place < MANNERS.length; place += 1) {
    const manner = MANNERS[(round + place) % MANNERS.length] ?? 'absent';
    figures[manner].push(await measure(manner));
  }
}
const absent = median(figures.absent);
process.stdout.write(`transact, ${CALLERS} callers, medians of ${values.rounds} rounds\n`);
for (const manner of MANNERS) {
  const cpu = median(figures[manner]);
  process.stdout.write(
    `channels ${manner}: ${cpu.toFixed(1)} µs of CPU per call, ratio ${(cpu / absent).toFixed(3)}\n`,
  );
}
process.exit();
