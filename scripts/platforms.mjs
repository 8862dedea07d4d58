// The platforms that the package is made for. package.json lists them, once, under napi.targets.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './setup.mjs';

/**
 * @typedef {object} Platform
 * @property {string} triple as Rust calls it: x86_64-unknown-linux-gnu
 * @property {string} name as npm packages call it: linux-x64-gnu
 * @property {string} packageName dynamodb-balance-linux-x64-gnu
 * @property {string} file dynamodb-balance.linux-x64-gnu.node
 * @property {string} os linux
 * @property {string} cpu x64
 * @property {string | null} abi gnu
 */

/** The manifest of the package, where its version is written. */
export function manifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

/** @returns {Promise<Platform[]>} */
export async function allPlatforms() {
  // Only here: scripts that set the packages up first import this file before they are there.
  const { parseTriple } = await import('@napi-rs/cli');
  const { name: main, napi } = manifest();
  return napi.targets.map((/** @type {string} */ triple) => {
    const { platformArchABI: name, platform: os, arch: cpu, abi } = parseTriple(triple);
    const file = `${napi.binaryName}.${name}.node`;
    return { triple, name, packageName: `${main}-${name}`, file, os, cpu, abi };
  });
}

/** Where built addons are collected, each under the name of its platform. */
export const artifacts = join(root, 'target', 'artifacts');
