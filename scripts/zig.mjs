// Zig as a linker that knows old versions of glibc, other processors and musl, and cargo-zigbuild,
// which hands it to cargo. Both come from PyPI into target/zig, in these versions.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

import { root, run, step } from './setup.mjs';

const PACKAGES = ['cargo-zigbuild==0.24.0', 'ziglang==0.17.1'];
const folder = join(root, 'target', 'zig');

/** Installs both, once, and returns the environment in which `cargo zigbuild` finds them. */
export function zigEnvironment() {
  installZig();
  return { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}` };
}

function installZig() {
  const stamp = join(folder, 'installed');
  const wanted = PACKAGES.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    return;
  }
  if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) {
    process.stderr.write(
      'Python 3 with venv is needed to install zig.\n    sudo apt-get install -y python3-venv\n',
    );
    process.exit(1);
  }
  step('Installing zig and cargo-zigbuild');
  run('python3', ['-m', 'venv', '--clear', folder]);
  run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--only-binary', ':all:', ...PACKAGES]);
  writeFileSync(stamp, wanted);
}
