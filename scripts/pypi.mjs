// Programs from PyPI, each set in a folder of its own below target, in fixed versions.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { run, step } from './setup.mjs';

/**
 * Installs packages into a Python environment, once: again only when the list has changed.
 *
 * @param {string} folder
 * @param {string[]} packages as pip's requirement files name them, with or without `--hash`
 * @param {string[]} [options] of `pip install`
 */
export function installFromPyPI(folder, packages, options = []) {
  const stamp = join(folder, 'installed');
  const wanted = packages.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    return;
  }
  if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) {
    process.stderr.write(
      'Python 3 with venv is needed to install from PyPI.\n' +
        '    sudo apt-get install -y python3-venv\n',
    );
    process.exit(1);
  }
  step(`Installing ${packages.map((name) => name.split(' ')[0]).join(' and ')}`);
  run('python3', ['-m', 'venv', '--clear', folder]);
  const list = join(folder, 'requirements.txt');
  writeFileSync(list, wanted);
  const pip = ['install', '--quiet', '--only-binary', ':all:', ...options, '--requirement', list];
  run(join(folder, 'bin', 'pip'), pip);
  writeFileSync(stamp, wanted);
}
