// npm run lint: every formatter and linter, at its strictest useful setting.

import process from 'node:process';

import { installPackages, run, step } from './setup.mjs';
import { requireTools } from './toolchain.mjs';

requireTools(['node', 'rust']);
installPackages();

step('Formatting and linting JavaScript, TypeScript and JSON');
run('npx', ['biome', 'ci', '--error-on-warnings', '.']);

step('Checking types');
run('npx', ['tsc', '--project', 'tsconfig.json']);

run(process.execPath, ['scripts/documentation.mjs', '--check']);

step('Linting workflows');
run('node', ['scripts/lint-workflows.mjs']);

for (const manifest of ['Cargo.toml', 'benches/servers/Cargo.toml']) {
  step(`Formatting Rust: ${manifest}`);
  run('cargo', ['fmt', '--check', '--manifest-path', manifest]);

  step(`Linting Rust: ${manifest}`);
  run('cargo', [
    'clippy',
    ...['--manifest-path', manifest, '--all-targets', '--locked', '--', '--deny', 'warnings'],
  ]);
}
