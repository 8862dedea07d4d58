// npm run lint: every formatter and linter, at its strictest useful setting.

import { installPackages, run, step } from './setup.mjs';
import { requireTools } from './toolchain.mjs';

requireTools(['node', 'rust']);
installPackages();

step('Formatting and linting JavaScript, TypeScript and JSON');
run('npx', ['biome', 'ci', '--error-on-warnings', '.']);

step('Checking types');
run('npx', ['tsc', '--project', 'tsconfig.json']);

step('Formatting Rust');
run('cargo', ['fmt', '--check']);

step('Linting Rust');
run('cargo', ['clippy', '--all-targets', '--locked', '--', '--deny', 'warnings']);
