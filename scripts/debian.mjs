// Files of Debian's packages, unpacked below target without installing them: also from a newer release
// than the one that runs here. apt checks the signatures; the mirror is the one that it is set up with.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { run, step } from './setup.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * @param {string} release trixie
 * @param {string} name of the package
 * @param {string} folder that is made anew for its files
 */
export function unpackFromDebian(release, name, folder) {
  step(`Fetching ${name} of Debian ${release}`);
  const work = `${folder}-apt`;
  for (const path of [folder, work]) {
    rmSync(path, { recursive: true, force: true });
  }
  for (const path of ['lists/partial', 'cache/archives/partial', 'download']) {
    mkdirSync(join(work, path), { recursive: true });
  }
  const sources = join(work, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${debianMirror()} ${release} main\n`);
  const settings = Object.entries({
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    // Only the list of packages: not their translations, nor what application stores show.
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    // As whoever runs this: apt's own user may not read the repository.
    'APT::Sandbox::User': 'root',
  }).flatMap(([setting, value]) => ['--option', `${setting}=${value}`]);
  run('apt-get', ['--quiet=2', ...settings, 'update']);
  const download = join(work, 'download');
  run('apt-get', ['--quiet=2', ...settings, 'download', name], { cwd: download });
  for (const file of readdirSync(download)) {
    run('dpkg-deb', ['--extract', join(download, file), folder]);
  }
  rmSync(work, { recursive: true });
}

function debianMirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], {
    encoding: 'utf8',
  });
  const mirror = stdout?.split('\n').find((address) => /\/debian\/?$/.test(address));
  if (mirror === undefined) {
    process.stderr.write('A Debian whose apt knows a mirror is needed: there is none here.\n');
    process.exit(1);
  }
  return mirror;
}
