// The client as it is published: one file, because Node takes a while to look up and read each. It is not
// minified: Node prints the line that threw, and stack traces are for reading.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';

import { root } from './setup.mjs';

/** esbuild puts ES modules into one scope. CommonJS ones would stay apart, each compiled on its own. */
const asModules = {
  name: 'as ES modules',
  /** @param {import('esbuild').PluginBuild} bundler */
  setup(bundler) {
    bundler.onLoad({ filter: /\.js$/ }, ({ path }) => ({ contents: toModule(path) }));
  },
};

/** @param {string} file written in our style */
function toModule(file) {
  const contents = readFileSync(file, 'utf8')
    .replace(/^const (\{[^}]+\}|\w+) = require\('(\.[^']+\.js)'\);$/gm, "import $1 from '$2';")
    .replace(/^module\.exports = \{/gm, 'export {')
    .replace(/^module\.exports = /gm, 'export default ');
  if (/require\('\.[^']*\.js'\)|module\.exports/.test(contents)) {
    throw new Error(`${file} imports or exports in a way that is not expected here`);
  }
  return contents;
}

/**
 * esbuild calls a class that mentions itself `_BalanceClient`, which users would read in stack traces.
 *
 * @param {string} bundle
 */
function withNamesOfClasses(bundle) {
  let text = bundle;
  for (const [, name] of bundle.matchAll(/^var (\w+) = class _\1 /gm)) {
    text = text.replace(new RegExp(`\\b_${name}\\b`, 'g'), String(name));
  }
  return text;
}

/**
 * Writes `client.js`, with all that it requires of the package.
 *
 * @param {string} folder
 */
export async function bundleClient(folder) {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'client.js')],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // The oldest that the package supports.
    target: 'node14.17',
    external: ['*.node', 'dynamodb-balance-*'],
    plugins: [asModules],
  });
  for (const { text } of outputFiles) {
    writeFileSync(join(folder, 'client.js'), withNamesOfClasses(text));
  }
}
