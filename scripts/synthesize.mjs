// Compiles the CDK snippet and writes the templates that it becomes to target/infrastructure: cdk.json,
// and with indexes cdk-history.json, cdk-holds.json and cdk-history-holds.json.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';

import { installPackages, root } from './setup.mjs';

const folder = `${root}/infrastructure/cdk`;
const output = `${root}/target/infrastructure`;
const templates = {
  'cdk.json': [],
  'cdk-history.json': ['history'],
  'cdk-holds.json': ['holds'],
  'cdk-history-holds.json': ['history', 'holds'],
};
const sources = ['app.ts', 'balances.ts', 'package-lock.json', 'tsconfig.json'];

const ages = Object.keys(templates).map((name) =>
  existsSync(`${output}/${name}`) ? statSync(`${output}/${name}`).mtimeMs : 0,
);
if (sources.some((name) => statSync(`${folder}/${name}`).mtimeMs > Math.min(...ages))) {
  installPackages('infrastructure/cdk');
  mkdirSync(output, { recursive: true });
  for (const [name, wishes] of Object.entries(templates)) {
    writeFileSync(`${output}/${name}`, synthesize(wishes));
  }
}

/** @param {string[]} wishes */
function synthesize(wishes) {
  const child = spawnSync('npm', ['run', '--silent', 'synthesize', '--', ...wishes], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (child.status !== 0) {
    process.stderr.write(`${child.stdout}${child.stderr}`);
    process.exit(1);
  }
  return child.stdout;
}
