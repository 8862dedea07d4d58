// npm run bench: builds this package, its peers and the servers, measures them against each other,
// and writes docs/benchmarks.md. `-- --rounds 1` is a try, whose report goes to benches/target/docs.

import process from 'node:process';
import { parseArgs } from 'node:util';

import { root, run, setUp, step } from './setup.mjs';

/** Fewer rounds give no medians worth keeping. */
const FULL = 3;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: String(FULL) } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 9) {
  process.stderr.write('--rounds must be a whole number from 1 to 9\n');
  process.exit(1);
}

setUp();

step('Building the servers that it is measured against');
run('cargo', ['build', '--release', '--locked', '--manifest-path', 'benches/servers/Cargo.toml']);

// Only here: before the set-up their packages need not be there.
const { buildPeers } = await import('../benches/peers/index.mjs');
const { runAll } = await import('../benches/measure/run.mjs');
const { draw, format, keep } = await import('../benches/report/draw.mjs');

step('Building the peers');
await buildPeers();

step('Measuring (about a quarter of an hour; other work on this machine spoils the numbers)');
const results = await runAll({ rounds });

step('Writing the report');
const folder = rounds < FULL ? `${root}benches/target/docs` : `${root}docs`;
keep(folder, results);
await draw(folder);
if (rounds >= FULL) {
  format(folder);
}
process.stdout.write(`Written to ${folder}/benchmarks.md.\n`);
process.exit();
