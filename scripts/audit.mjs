// npm run audit: known vulnerabilities and licences of what users install and of what the addon is
// built from. Needs the network; CI runs without it.

import { spawnSync } from 'node:child_process';
import process from 'node:process';

import { run, step } from './setup.mjs';

step('Known vulnerabilities of the npm packages, those in the published command line among them');
run('npm', ['audit']);

step('Known vulnerabilities and licences of the crates');
if (spawnSync('cargo', ['deny', '--version']).status !== 0) {
  process.stderr.write('cargo-deny is needed: cargo install cargo-deny --locked\n');
  process.exit(1);
}
run('cargo', ['deny', '--locked', 'check']);
