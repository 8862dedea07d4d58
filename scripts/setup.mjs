// Brings a clean clone to the point where the package runs. Every command starts here, and a
// second time there is nothing left to do.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { requireTools } from './toolchain.mjs';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const isWindows = process.platform === 'win32';

/**
 * Runs a command in the repository with its output on the screen, and ends this process when it
 * fails: what it printed says why.
 *
 * @param {string} command
 * @param {string[]} commandArguments
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function run(command, commandArguments, options = {}) {
  const child = spawnSync(command, commandArguments, {
    cwd: root,
    stdio: 'inherit',
    // npm and npx are shell scripts there.
    shell: isWindows,
    ...options,
  });
  if (child.status !== 0) {
    process.stderr.write(`\nFailed: ${command} ${commandArguments.join(' ')}\n`);
    process.exit(child.status ?? 1);
  }
}

/**
 * Installs the development dependencies in the versions that package-lock.json names. Not with
 * `npm ci`, which gives up where a registry lacks a tool's package for another platform.
 *
 * @param {string} folder that has a package.json of its own
 */
export function installPackages(folder = '.') {
  const cwd = `${root}/${folder}`;
  const installed = `${cwd}/node_modules/.package-lock.json`;
  const wanted = `${cwd}/package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) {
    return;
  }
  step(`Installing the development dependencies${folder === '.' ? '' : ` of ${folder}`}`);
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], { cwd });
}

/** Builds the addon; cargo decides what is out of date. */
export function buildAddon() {
  step('Building the native addon (some minutes the first time, seconds afterwards)');
  const started = Date.now();
  run('npx', [
    'napi',
    'build',
    '--platform',
    '--release',
    // binding.js is our own.
    '--no-js',
    '--dts',
    'binding.d.ts',
  ]);
  process.stdout.write(`Built in ${Math.round((Date.now() - started) / 1000)} s.\n`);
}

/** Everything that running the package against DynamoDB Local takes. */
export function setUp() {
  requireTools(['node', 'rust', 'java']);
  installPackages();
  buildAddon();
}

/** @param {string} title */
export function step(title) {
  process.stdout.write(`\n> ${title}\n`);
}
