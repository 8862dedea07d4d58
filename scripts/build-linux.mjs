// npm run build:linux: the addon for all Linux platforms, from any Linux machine. Names of platforms
// after `--` build only those: npm run build:linux -- linux-x64-gnu

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { checkAddon } from './check-addon.mjs';
import { LIMITS } from './limits.mjs';
import { allPlatforms, artifacts } from './platforms.mjs';
import { installPackages, root, run, step } from './setup.mjs';
import { requireTools } from './toolchain.mjs';
import { zigEnvironment } from './zig.mjs';

requireTools(['node', 'rust']);
installPackages();
// Apart from what `npm run build` makes: the same triple with another linker would start anew each time.
const targets = join(root, 'target', 'linux');
const environment = { ...zigEnvironment(), CARGO_TARGET_DIR: targets };
const platforms = await chosenPlatforms(process.argv.slice(2));

step('Installing the Rust standard library for each platform');
run('rustup', ['target', 'add', ...platforms.map(({ triple }) => triple)]);
mkdirSync(artifacts, { recursive: true });
for (const platform of platforms) {
  build(platform);
}
for (const { file } of platforms) {
  checkAddon(join(artifacts, file));
}

/** @param {string[]} names */
async function chosenPlatforms(names) {
  const linux = (await allPlatforms()).filter(({ os }) => os === 'linux');
  const known = linux.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`Not a Linux platform: ${unknown}. There are ${known.join(', ')}.\n`);
    process.exit(1);
  }
  return names.length === 0 ? linux : linux.filter(({ name }) => names.includes(name));
}

/** @param {import('./platforms.mjs').Platform} platform */
function build({ triple, name, abi, file }) {
  step(`Building the addon for ${name}`);
  const isMusl = abi === 'musl';
  run(
    'cargo',
    [
      'zigbuild',
      '--release',
      '--locked',
      '--target',
      isMusl ? triple : `${triple}.${LIMITS.glibc}`,
    ],
    {
      env: {
        ...environment,
        // An addon is loaded into a process that has a C library; it must not bring another.
        ...(isMusl ? { RUSTFLAGS: '-C target-feature=-crt-static' } : {}),
      },
    },
  );
  const addon = join(targets, triple, 'release', 'libdynamodb_balance.so');
  copyFileSync(addon, join(artifacts, file));
}
