// Every runtime that is supported tells the story of story.cjs from the installed packages: both
// functions, an error with its code, and an end by itself; that of channels.cjs; and runs the command line.
// The runtimes are npm packages.

import { join } from 'node:path';

import {
  type Ending,
  makeProject,
  type Project,
  readManifest,
  repositoryFile,
} from '../installed/harness/project';
import { BUN, installedRuntime, NODE_24, NODE_26, node, type Runtime } from './harness/runtime';

// The first is the oldest that package.json names.
const RUNTIMES = new Map<string, Runtime>([
  node('14.17.1'),
  node('14.21.3'),
  node('16.20.2'),
  node('18.20.8'),
  node('20.20.2'),
  node('22.23.3'),
  NODE_24,
  NODE_26,
  BUN,
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

describe.each([...RUNTIMES])('%s', (_name, runtime) => {
  function run(...program: string[]): Promise<Ending> {
    return project.run(installedRuntime(runtime), ...(runtime.options ?? []), ...program);
  }

  test('tells the story', async () => {
    await expect(run('story.cjs')).resolves.toEqual({
      code: 0,
      output: '69.9 INSUFFICIENT_BALANCE true\n',
      complaints: '',
    });
  });

  test('has channels that tell of a call and of its request', async () => {
    await expect(run('channels.cjs')).resolves.toEqual({
      code: 0,
      output: 'transact TransactWriteItems transact 1\n',
      complaints: '',
    });
  });

  test('runs the command line', async () => {
    const program = join('node_modules', 'dynamodb-balance', 'cli', 'main.js');

    await expect(run(program, 'balance', 'nobody', '--default-balance', '100')).resolves.toEqual({
      code: 0,
      output: '100\n',
      complaints: '',
    });
  });

  test('shows the demo, on tables in memory', async () => {
    const program = join('node_modules', 'dynamodb-balance', 'cli', 'main.js');

    await expect(run(program, 'demo')).resolves.toMatchObject({
      code: 0,
      output: expect.stringContaining('they add up: 100 - 400 x 0.25 = 0'),
      complaints: '',
    });
  });
});
