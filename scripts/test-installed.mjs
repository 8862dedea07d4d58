// npm run test:installed, test:runtimes, test:musl, test:arm64, test:containers, test:windows: builds the
// addon as it is published, packs it, and hands over to Jest. With `--as-built` the addons in target/artifacts are
// taken as they are, for those who built them elsewhere.

import process from 'node:process';

import { installMuslNode } from './musl.mjs';
import { packAll } from './pack.mjs';
import { installPackages, run, step } from './setup.mjs';
import { requireTools } from './toolchain.mjs';
import { buildWindowsAddon, requireWindowsTools, setUpWine, windowsArtifacts } from './windows.mjs';

const [subject = '', ...rest] = process.argv.slice(2);
const asBuilt = rest.includes('--as-built');
const isWindows = subject === 'windows';

requireTools(asBuilt ? ['node', 'java'] : ['node', 'rust', 'java']);
installPackages();
if (isWindows) {
  requireWindowsTools();
  setUpWine();
} else if (subject === 'musl') {
  installMuslNode();
}
if (!asBuilt) {
  build();
}
await packAll(isWindows ? { addons: windowsArtifacts } : {});
step('Testing the packed packages');
run('npx', [
  'jest',
  '--config',
  'jest.installed.config.js',
  `__tests__/${subject}/`,
  ...rest.filter((option) => option !== '--as-built'),
]);

function build() {
  if (isWindows) {
    buildWindowsAddon();
    return;
  }
  const cpu = subject === 'arm64' ? 'arm64' : process.arch;
  const abis = { musl: ['musl'], containers: ['gnu', 'musl'] }[subject] ?? ['gnu'];
  run('node', ['scripts/build-linux.mjs', ...abis.map((abi) => `linux-${cpu}-${abi}`)]);
}
