// npm run test:installed, test:runtimes, test:musl, test:arm64, test:containers: builds the addon as it
// is published, packs it, and hands over to Jest. With `--as-built` the addons in target/artifacts are
// taken as they are, for those who built them elsewhere.

import process from 'node:process';

import { installMuslNode } from './musl.mjs';
import { packAll } from './pack.mjs';
import { installPackages, run, step } from './setup.mjs';
import { requireTools } from './toolchain.mjs';

const [subject = '', ...rest] = process.argv.slice(2);
const asBuilt = rest.includes('--as-built');
const abis = { musl: ['musl'], containers: ['gnu', 'musl'] }[subject] ?? ['gnu'];
const cpu = subject === 'arm64' ? 'arm64' : process.arch;

requireTools(asBuilt ? ['node', 'java'] : ['node', 'rust', 'java']);
installPackages();
if (subject === 'musl') {
  installMuslNode();
}
if (!asBuilt) {
  run('node', ['scripts/build-linux.mjs', ...abis.map((abi) => `linux-${cpu}-${abi}`)]);
}
await packAll();
step('Testing the packed packages');
run('npx', [
  'jest',
  '--config',
  'jest.installed.config.js',
  `__tests__/${subject}/`,
  ...rest.filter((option) => option !== '--as-built'),
]);
