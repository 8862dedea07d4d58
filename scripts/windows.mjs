// The addon for Windows on x64 from Linux, to run it under Wine: with mingw, where the published one is
// made with Microsoft's linker. It stays in target/windows, so that nobody takes it for that one.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { root, run, step } from './setup.mjs';

const TRIPLE = 'x86_64-pc-windows-gnu';
const COMPILER = 'x86_64-w64-mingw32-gcc';

const folder = join(root, 'target', 'windows');

/** Where the addon is, under the name that it is loaded by. */
export const windowsArtifacts = join(folder, 'artifacts');

/** Ends the process with a message where mingw or Wine is missing. */
export function requireWindowsTools() {
  const versions = [COMPILER, 'wine'].map((command) => output(command, ['--version']));
  if (versions.includes(undefined)) {
    process.stderr.write(
      'mingw and Wine are needed:\n' +
        '    sudo apt-get install -y gcc-mingw-w64-x86-64 wine wine64\n',
    );
    process.exit(1);
  }
  process.stdout.write(`\nWith ${versions.join(' and ')}.\n`);
}

export function buildWindowsAddon() {
  step('Building the addon for Windows with mingw');
  const started = Date.now();
  run('rustup', ['target', 'add', TRIPLE]);
  mkdirSync(windowsArtifacts, { recursive: true });
  // napi-build wants to link with it, although the addon looks all functions of Node up as it is loaded.
  buildLibrary(join(folder, 'libnode.dll'), ['-x', 'c', '/dev/null']);
  run('cargo', ['build', '--release', '--locked', '--lib', '--target', TRIPLE], {
    env: { ...process.env, CARGO_TARGET_DIR: folder, LIBNODE_PATH: folder },
  });
  const addon = join(windowsArtifacts, 'dynamodb-balance.win32-x64-msvc.node');
  copyFileSync(join(folder, TRIPLE, 'release', 'dynamodb_balance.dll'), addon);
  const seconds = Math.round((Date.now() - started) / 1000);
  process.stdout.write(`${statSync(addon).size} bytes, built in ${seconds} s.\n`);
}

/** Makes the folders of Wine, and the library that Wine lacks before 8.13. */
export function setUpWine() {
  step('Setting up Wine');
  const prefix = join(folder, 'wine');
  mkdirSync(folder, { recursive: true });
  run('wine', ['wineboot', '--update'], {
    stdio: 'ignore',
    env: { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all' },
  });
  const library = join(prefix, 'drive_c', 'windows', 'system32', 'bcryptprimitives.dll');
  if (!existsSync(library)) {
    buildLibrary(library, ['__tests__/windows/bcryptprimitives.c', '-ladvapi32']);
  }
}

/**
 * @param {string} library
 * @param {string[]} sources
 */
function buildLibrary(library, sources) {
  run(COMPILER, ['-shared', '-o', library, ...sources]);
}

/**
 * @param {string} command
 * @param {string[]} commandArguments
 */
function output(command, commandArguments) {
  const env = { ...process.env, WINEDEBUG: '-all' };
  const child = spawnSync(command, commandArguments, { encoding: 'utf8', env });
  return child.status === 0 ? child.stdout.split('\n')[0] : undefined;
}
