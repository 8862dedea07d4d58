// The command line as it is published: one file with all that only it needs, so that a program which uses the two
// functions has no further package to install, to load or to look after.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

import { build } from 'esbuild';

import { root } from './setup.mjs';

const source = join(root, 'cli');

/** What the rest of the package has is not bundled, but required from where it will be. */
const keepThePackageOutside = {
  name: 'keep the package outside',
  /** @param {import('esbuild').PluginBuild} bundler */
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\.?(\/|$)/ }, ({ path, resolveDir }) => {
      const isOurs = resolveDir.startsWith(source);
      const fromHere = relative(source, join(resolveDir, path)).split(sep).join('/');
      return isOurs && fromHere.startsWith('..') ? { path: fromHere, external: true } : undefined;
    });
  },
};

/**
 * Writes `main.js` and the licences of what is in it.
 *
 * @param {string} folder
 */
export async function bundleCommandLine(folder) {
  const { metafile } = await build({
    entryPoints: [join(source, 'main.js')],
    outfile: join(folder, 'main.js'),
    bundle: true,
    platform: 'node',
    // The oldest that the package supports.
    target: 'node14.17',
    legalComments: 'none',
    metafile: true,
    plugins: [keepThePackageOutside],
    absWorkingDir: root,
  });
  const files = Object.keys(metafile.inputs);
  const packages = files.flatMap(
    (file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
  );
  const licences = [...new Set(packages)].sort().map(licence);
  writeFileSync(join(folder, 'third-party-licenses.txt'), licences.join('\n'));
}

/** @param {string} name of a package in node_modules */
function licence(name) {
  const folder = join(root, 'node_modules', name);
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (file === undefined) {
    throw new Error(`${name} is in the command line and has no licence file`);
  }
  return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}
