// On which machine, and how much everybody takes on its disk.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { root } from '../../scripts/setup.mjs';
import { peers } from '../peers/index.mjs';

export function describeMachine() {
  const cpus = os.cpus();
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    rust: spawnSync('rustc', ['--version'], { encoding: 'utf8' }).stdout.trim(),
    sdk: versionOf('@aws-sdk/client-dynamodb'),
    /** Of others, when the run began: how many processes wanted to run in the last minute. */
    loadBefore: Number(os.loadavg()[0]?.toFixed(2)),
  };
}

/** @param {string} name */
function versionOf(name) {
  const manifest = readFileSync(`${root}/node_modules/${name}/package.json`, 'utf8');
  return String(JSON.parse(manifest).version);
}

/** Bytes on disk after an installation, without what npm adds. */
export function installedSizes() {
  return {
    package: packedSize() + addonSize() + dependenciesSize(`${root}/package.json`),
    sdk: sizeWithDependencies('@aws-sdk/client-dynamodb'),
    bundle: statSync(peers.bundle).size,
  };
}

/** The addon has a package of its own for each platform; this is the one that is measured. */
function addonSize() {
  const require = createRequire(import.meta.url);
  require(root);
  const addon = Object.keys(require.cache).find((path) => path.endsWith('.node'));
  return statSync(String(addon)).size;
}

function packedSize() {
  const packing = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  return Number(JSON.parse(packing.stdout)[0].unpackedSize);
}

/**
 * A package and all that it depends on, each once.
 *
 * @param {string} name
 */
function sizeWithDependencies(name) {
  const folders = new Set();
  collect(name, `${root}/package.json`, folders);
  return sizeOfAll(folders);
}

/** @param {string} manifest whose dependencies, and theirs, are counted, each once */
function dependenciesSize(manifest) {
  const folders = new Set();
  collectDependencies(manifest, folders);
  return sizeOfAll(folders);
}

/** @param {Set<string>} folders */
function sizeOfAll(folders) {
  return [...folders].reduce((sum, folder) => sum + sizeOf(folder), 0);
}

/**
 * @param {string} name
 * @param {string} from
 * @param {Set<string>} folders
 */
function collect(name, from, folders) {
  const folder = folderOf(name, from);
  if (folders.has(folder)) {
    return;
  }
  folders.add(folder);
  collectDependencies(`${folder}/package.json`, folders);
}

/**
 * @param {string} manifest
 * @param {Set<string>} folders
 */
function collectDependencies(manifest, folders) {
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
  for (const dependency of Object.keys(dependencies)) {
    collect(dependency, manifest, folders);
  }
}

/**
 * Where Node would find a package, whatever the package exports.
 *
 * @param {string} name
 * @param {string} from
 */
function folderOf(name, from) {
  const places = createRequire(from).resolve.paths(name) ?? [];
  const found = places.map((place) => join(place, name)).find((folder) => isFolder(folder));
  if (found === undefined) {
    throw new Error(`${name} is not installed (needed by ${dirname(from)})`);
  }
  return found;
}

/** @param {string} path */
function isFolder(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** @param {string} folder */
function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(
      (entry) => entry.isFile() && !entry.parentPath.slice(folder.length).includes('node_modules'),
    )
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
