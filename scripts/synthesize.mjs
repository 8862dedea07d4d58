// Compiles the CDK snippet and writes the template that it becomes to
// target/infrastructure/cdk.json.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';

import { installPackages, root } from './setup.mjs';

const folder = `${root}/infrastructure/cdk`;
const template = `${root}/target/infrastructure/cdk.json`;
const sources = ['app.ts', 'balances.ts', 'package-lock.json', 'tsconfig.json'];

const age = existsSync(template) ? statSync(template).mtimeMs : 0;
if (sources.some((name) => statSync(`${folder}/${name}`).mtimeMs > age)) {
  synthesize();
}

function synthesize() {
  installPackages('infrastructure/cdk');
  const child = spawnSync('npm', ['run', '--silent', 'synthesize'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (child.status !== 0) {
    process.stderr.write(`${child.stdout}${child.stderr}`);
    process.exit(1);
  }
  mkdirSync(`${root}/target/infrastructure`, { recursive: true });
  writeFileSync(template, child.stdout);
}
