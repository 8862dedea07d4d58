// npm run lint:infrastructure: cfn-lint on the CloudFormation template, in a Python environment of
// its own. Needs Python 3 and, the first time, the network.

import { existsSync } from 'node:fs';
import process from 'node:process';

import { root, run, step } from './setup.mjs';

const CFN_LINT = 'cfn-lint==1.58.0';

const isWindows = process.platform === 'win32';
const environment = `${root}/target/cfn-lint`;
const programs = `${environment}/${isWindows ? 'Scripts' : 'bin'}`;

if (!existsSync(`${programs}/cfn-lint${isWindows ? '.exe' : ''}`)) {
  step('Installing cfn-lint');
  run(isWindows ? 'python' : 'python3', ['-m', 'venv', environment]);
  run(`${programs}/pip`, ['install', '--quiet', '--disable-pip-version-check', CFN_LINT]);
}
step('Linting the CloudFormation template');
run(`${programs}/cfn-lint`, ['infrastructure/cloudformation.yaml']);
