// npm run package: the main package and the packages of the platforms as tarballs, as they are
// published. With `--all` every platform must have been built; without, those that were.
//
// The client and the command line are bundled. What differs from the package.json of the repository is written here: the
// packages of the platforms as optional dependencies of exactly this version. In the repository they would make
// `npm install` look for packages that are not published yet.

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { bundleClient } from './client.mjs';
import { bundleCommandLine } from './command-line.mjs';
import { allPlatforms, artifacts, manifest } from './platforms.mjs';
import { installPackages, root, run, step } from './setup.mjs';

/** Where the tarballs are. */
export const tarballs = join(root, 'target', 'tarballs');

/** The folders of the platforms' packages: those without an addon are there for their manifests. */
export const platformFolders = join(root, 'target', 'npm');

/** The files of the main package. */
export const mainFolder = join(root, 'target', 'package');

/** @param {string} packageName */
export function tarball(packageName) {
  return join(tarballs, `${packageName}-${manifest().version}.tgz`);
}

/** @param {{ all?: boolean, addons?: string }} [options] `addons`: the folder that has them */
export async function packAll({ all = false, addons = artifacts } = {}) {
  const platforms = await allPlatforms();
  const built = platforms.filter(({ file }) => existsSync(join(addons, file)));
  const missing = platforms.filter((platform) => !built.includes(platform));
  if (built.length === 0 || (all && missing.length > 0)) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new Error(`no addon in ${addons} for ${names}: build them first (npm run build:linux)`);
  }
  refuseDifferentVersions();
  for (const folder of [tarballs, platformFolders, mainFolder]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  step(`Packing the main package and ${built.map(({ name }) => name).join(', ')}`);
  stagePlatforms(built, addons);
  await stageMain(platforms);
  for (const folder of [mainFolder, ...built.map(({ name }) => join(platformFolders, name))]) {
    run('npm', ['pack', '--loglevel=error', '--pack-destination', tarballs], { cwd: folder });
  }
}

/** Users never see the version of the crate, but a reader of the repository would be misled. */
function refuseDifferentVersions() {
  const { version } = manifest();
  const crate = /^version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1];
  if (crate !== version) {
    throw new Error(`package.json has version ${version}, but Cargo.toml ${crate}`);
  }
}

/**
 * @param {import('./platforms.mjs').Platform[]} built
 * @param {string} addons
 */
function stagePlatforms(built, addons) {
  const command = ['napi', 'create-npm-dirs', '--npm-dir', platformFolders];
  execFileSync('npx', command, { cwd: root, stdio: 'pipe', shell: process.platform === 'win32' });
  for (const { name, file } of built) {
    const manifestFile = join(platformFolders, name, 'package.json');
    const published = { ...JSON.parse(readFileSync(manifestFile, 'utf8')), ...repositoryFields() };
    writeFileSync(manifestFile, `${JSON.stringify(published, null, 2)}\n`);
    copyFileSync(join(addons, file), join(platformFolders, name, file));
    copyFileSync(join(root, 'LICENSE'), join(platformFolders, name, 'LICENSE'));
  }
}

/** npm only takes a provenance whose repository the package names. GitHub Actions knows it. */
function repositoryFields() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  const url = `${server}/${repository}`;
  return repository === undefined
    ? {}
    : {
        homepage: `${url}#readme`,
        bugs: { url: `${url}/issues` },
        repository: { type: 'git', url: `git+${url}.git` },
      };
}

/** @param {import('./platforms.mjs').Platform[]} platforms */
async function stageMain(platforms) {
  const { scripts: _1, devDependencies: _2, napi: _3, ...published } = manifest();
  published.optionalDependencies = Object.fromEntries(
    platforms.map(({ packageName }) => [packageName, published.version]),
  );
  Object.assign(published, repositoryFields());
  writeFileSync(join(mainFolder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  const bundled = ['client.js', 'cli'];
  const copied = published.files.filter((/** @type {string} */ file) => !bundled.includes(file));
  for (const file of [...copied, 'README.md', 'LICENSE']) {
    cpSync(join(root, file), join(mainFolder, file));
  }
  await bundleClient(mainFolder);
  await bundleCommandLine(join(mainFolder, 'cli'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installPackages();
  await packAll({ all: process.argv.includes('--all') });
}
