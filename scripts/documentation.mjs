// npm run docs: writes docs/api from index.d.ts. With --check it changes nothing, and fails when
// what is there is not what would be written.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import process from 'node:process';

import { installPackages, root, run, step } from './setup.mjs';

const isCheck = process.argv.includes('--check');
const written = `${root}/docs/api`;
const made = isCheck ? `${root}/target/api` : written;

installPackages('documentation');
step(isCheck ? 'Checking that docs/api is up to date' : 'Writing docs/api');
rmSync(made, { recursive: true, force: true });
run('npx', ['typedoc', '--options', 'typedoc.json', '--out', made], {
  cwd: `${root}/documentation`,
});
if (isCheck && !isSame()) {
  process.stderr.write('docs/api is out of date: npm run docs\n');
  process.exit(1);
}

function isSame() {
  return JSON.stringify(contents(made)) === JSON.stringify(contents(written));
}

/** @param {string} folder */
function contents(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8')])
    .sort();
}
