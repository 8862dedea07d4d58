// Vite's bundles for a server, and tests with Vitest.

import { cpSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, type Project, repositoryFile } from './harness/project';

let project: Project;

beforeAll(async () => {
  project = await makeProject('vite');
});

test('Vite bundles for a server with everything inside but the package', async () => {
  const built = await project.run('vite', 'build', '--logLevel=warn');

  expect(built).toEqual({ code: 0, output: '', complaints: '' });
  await expect(project.run('node', join('dist', 'story.mjs'))).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});

test.each(['threads', 'forks'])('Vitest runs tests in its pool of %s', async (pool) => {
  const { code, output } = await project.run('vitest', 'run', `--pool=${pool}`);

  expect(code).toBe(0);
  expect(output).toMatch(/Tests +2 passed \(2\)/);
});

test('Vitest runs the example of tests in memory', async () => {
  cpSync(repositoryFile('examples', 'testing'), project.folder, { recursive: true });
  const { code, output } = await project.run('vitest', 'run', 'vitest.test.mts');

  expect(code).toBe(0);
  expect(output).toMatch(/Tests +4 passed \(4\)/);
});
