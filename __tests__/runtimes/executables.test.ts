// Single executables, and the test runner of Node with TypeScript as it is.

import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  makeProject,
  type Project,
  repositoryFile,
  runProgram,
} from '../installed/harness/project';
import { BUN, installedRuntime, NODE_24, NODE_26 } from './harness/runtime';

const TOLD = { code: 0, output: '69.9 INSUFFICIENT_BALANCE true\n', complaints: '' };

let project: Project;

beforeAll(async () => {
  project = await makeProject('bundlers');
});

test('bun build --compile puts the addon into its executable', async () => {
  const bun = installedRuntime(BUN[1]);
  const built = await project.run(bun, 'build', '--compile', 'story.cjs', '--outfile=story');
  expect(built.code).toBe(0);

  const elsewhere = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  try {
    const executable = join(elsewhere, 'story');
    renameSync(join(project.folder, 'story'), executable);
    await expect(runProgram(elsewhere, executable, [])).resolves.toEqual(TOLD);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test('a single executable of Node finds the package in node_modules next to it', async () => {
  const bundled = await project.run(
    ...(['esbuild', 'story.cjs', '--bundle', '--platform=node'] as const),
    '--external:dynamodb-balance',
    "--banner:js=require = require('module').createRequire(process.execPath);",
    '--outfile=bundle.cjs',
  );
  expect(bundled.code).toBe(0);
  const configuration = { main: 'bundle.cjs', output: 'single' };
  writeFileSync(join(project.folder, 'sea.json'), JSON.stringify(configuration));
  const node = installedRuntime(NODE_26[1]);
  await expect(project.run(node, '--build-sea', 'sea.json')).resolves.toMatchObject({ code: 0 });

  await expect(project.run(join(project.folder, 'single'))).resolves.toMatchObject({
    code: 0,
    output: TOLD.output,
  });
});

test('node:test runs tests in TypeScript whose types Node strips', async () => {
  const node = installedRuntime(NODE_24[1]);
  const { code, output } = await project.run(node, '--test', 'balance.test.mts');

  expect(code).toBe(0);
  expect(output).toContain('pass 2');
});

test('node:test runs the example of tests in memory', async () => {
  cpSync(repositoryFile('examples', 'testing'), project.folder, { recursive: true });
  const node = installedRuntime(NODE_24[1]);
  const { code, output } = await project.run(node, '--test', 'node.test.mts');

  expect(code).toBe(0);
  expect(output).toContain('pass 3');
});
