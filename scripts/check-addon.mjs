// npm run check:addons: what a Linux addon asks of the system it is loaded into, and how large it is.
// Reads the built files in target/artifacts with readelf, or those named after `--`.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { LIMITS } from './limits.mjs';
import { artifacts } from './platforms.mjs';

/**
 * @typedef {object} Figures
 * @property {string} name
 * @property {string[]} libraries that the loader must find
 * @property {string | undefined} glibc the newest version that a symbol asks for
 * @property {boolean} stripped
 * @property {number} size
 * @property {number} gzipped
 */

/**
 * @param {string} file
 * @returns {Figures}
 */
export function readAddon(file) {
  const content = readFileSync(file);
  const versions = matches(readelf('--version-info', file), /Name: GLIBC_([\d.]+)/g);
  return {
    name: basename(file),
    libraries: matches(readelf('--dynamic', file), /\(NEEDED\).*\[(.+)\]/g),
    glibc: versions.sort(compareVersions).at(-1),
    stripped: !/ \.(?:symtab|debug_info) /.test(readelf('--sections', file)),
    size: content.length,
    gzipped: gzipSync(content, { level: 9 }).length,
  };
}

/**
 * Everything in which an addon leaves the limits, a sentence each.
 *
 * @param {Figures} figures
 */
export function complaints({ name, libraries, glibc, stripped, size, gzipped }) {
  const found = [];
  if (name.includes('-musl.')) {
    if (glibc !== undefined) {
      found.push(`it asks for symbols of glibc ${glibc}, on a system without glibc`);
    }
    const foreign = libraries.filter((library) => /^(?:libc\.so\.6|ld-linux.*)$/.test(library));
    if (foreign.length > 0) {
      found.push(`it asks for ${foreign.join(' and ')} of glibc`);
    }
  } else if (glibc === undefined) {
    found.push('it names no symbol of glibc: this is no addon for glibc');
  } else if (compareVersions(glibc, LIMITS.glibc) > 0) {
    found.push(`it asks for glibc ${glibc}, newer than ${LIMITS.glibc}`);
  }
  if (!stripped) {
    found.push('it is not stripped');
  }
  if (size >= LIMITS.size) {
    found.push(`it has ${size} bytes, not under ${LIMITS.size}`);
  }
  if (gzipped >= LIMITS.gzipped) {
    found.push(`it has ${gzipped} bytes after gzip, not under ${LIMITS.gzipped}`);
  }
  return found;
}

/**
 * Prints the figures of an addon, and makes this process fail if they leave the limits.
 *
 * @param {string} file
 */
export function checkAddon(file) {
  const figures = readAddon(file);
  const { name, glibc, libraries, size, gzipped } = figures;
  process.stdout.write(
    `${name}: ${size} bytes, ${gzipped} after gzip, ` +
      `glibc ${glibc ?? 'none'}, needs ${libraries.join(', ')}\n`,
  );
  for (const complaint of complaints(figures)) {
    process.stderr.write(`${name}: ${complaint}.\n`);
    process.exitCode = 1;
  }
}

/**
 * @param {string} option
 * @param {string} file
 */
function readelf(option, file) {
  const child = spawnSync('readelf', ['--wide', option, file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (child.status !== 0) {
    throw new Error(
      child.error === undefined
        ? `readelf cannot read ${file}: ${child.stderr}`
        : 'readelf is needed: sudo apt-get install -y binutils',
    );
  }
  return child.stdout;
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 */
function matches(text, pattern) {
  return [...text.matchAll(pattern)].map(([, group]) => String(group));
}

/**
 * 2.9 is older than 2.17.
 *
 * @param {string} left
 * @param {string} right
 */
function compareVersions(left, right) {
  return left.localeCompare(right, 'en', { numeric: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const named = process.argv.slice(2);
  const built = existsSync(artifacts) ? readdirSync(artifacts) : [];
  const files =
    named.length > 0
      ? named
      : built.filter((file) => file.includes('.linux-')).map((file) => join(artifacts, file));
  if (files.length === 0) {
    process.stderr.write('There is no addon to check. First: npm run build:linux\n');
    process.exitCode = 1;
  }
  files.forEach(checkAddon);
}
