// Measures recovery from each outage, and prints tables in Markdown.
//
//   --only WORDS  the situations whose name has these words

import process from 'node:process';
import { parseArgs } from 'node:util';

import { measureHangingUsers } from './hanging-users.mjs';
import { PEERS } from './load.mjs';
import { missing, situations } from './situations.mjs';

/** @typedef {import('./situations.mjs').Outcome} Outcome */
/** @typedef {import('./load.mjs').PeerName} PeerName */

/** How long recovery is waited for, in milliseconds. */
const LONGEST = 15_000;

const USERS_HANG = '8 of 100 users hang';

// What a situation has set up is taken down as the process exits.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });

if (missing !== undefined) {
  process.stderr.write(`Without packets that vanish: ${missing}\n`);
}
const lines = [
  '| outage | this package: first success | all served | calls that failed | AWS SDK: first success | all served | calls that failed |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];
for (const { name, measure } of situations.filter((it) => it.name.includes(values.only))) {
  process.stderr.write(`${name} …\n`);
  lines.push(row(name, await measure(LONGEST)));
}
if (USERS_HANG.includes(values.only)) {
  lines.push(
    '',
    `| ${USERS_HANG} | this package: the others before | and during | AWS SDK: before | and during |`,
    '| --- | --- | --- | --- | --- |',
  );
  for (const kind of /** @type {const} */ (['read', 'transact'])) {
    process.stderr.write(`${USERS_HANG}: ${kind} …\n`);
    const rates = await measureHangingUsers(kind);
    const cells = PEERS.flatMap((peer) => [rates[peer].before, rates[peer].during]);
    const what = kind === 'read' ? 'reads a second' : 'writes a second';
    lines.push(`| ${[what, ...cells.map(thousands)].join(' | ')} |`);
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
process.exit();

/**
 * @param {string} name
 * @param {Outcome} outcome
 */
function row(name, outcome) {
  const cells = PEERS.flatMap((peer) => {
    const { recovery, note } = outcome[peer];
    const failed = [list(recovery.failed), note].filter((text) => text !== '').join('; ');
    return [time(recovery.first), time(recovery.served), failed];
  });
  return `| ${[name, ...cells].join(' | ')} |`;
}

/** @param {number | undefined} milliseconds */
function time(milliseconds) {
  return milliseconds === undefined
    ? `not in ${LONGEST / 1000} s`
    : `${(milliseconds / 1000).toFixed(2)} s`;
}

/** @param {import('./load.mjs').Call[]} failed */
function list(failed) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { code } of failed) {
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const words = [...counts].map(([code, count]) => `${thousands(count)} \`${code}\``);
  return words.length === 0 ? '0' : words.join(', ');
}

/** @param {number} count */
function thousands(count) {
  return Math.round(count).toLocaleString('en-US');
}
