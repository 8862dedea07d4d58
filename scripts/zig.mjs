// Zig as a linker that knows old versions of glibc, other processors and musl, and cargo-zigbuild,
// which hands it to cargo. Both come from PyPI into target/zig, in these versions.

import { delimiter, join } from 'node:path';
import process from 'node:process';

import { installFromPyPI } from './pypi.mjs';
import { root } from './setup.mjs';

const PACKAGES = ['cargo-zigbuild==0.24.0', 'ziglang==0.17.1'];
const folder = join(root, 'target', 'zig');

/** Installs both, once, and returns the environment in which `cargo zigbuild` finds them. */
export function zigEnvironment() {
  installFromPyPI(folder, PACKAGES);
  return { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}` };
}
