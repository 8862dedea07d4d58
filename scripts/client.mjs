// The client as it is published: one file, because Node takes a while to look up and read each. It is not
// minified: Node prints the line that threw, and stack traces are for reading.

import { readFileSync } from 'node:fs';
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
 * Writes `client.js`, with all that it requires of the package.
 *
 * @param {string} folder
 */
export async function bundleClient(folder) {
  await build({
    entryPoints: [join(root, 'client.js')],
    outfile: join(folder, 'client.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // The oldest that the package supports.
    target: 'node14.17',
    external: ['*.node', 'dynamodb-balance-*'],
    plugins: [asModules],
  });
}
