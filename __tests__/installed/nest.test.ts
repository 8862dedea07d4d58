// A NestJS application whose exception filter knows the package's errors by their class.

import { makeProject, type Project } from './harness/project';

let project: Project;

beforeAll(async () => {
  project = await makeProject('nest');
});

test('NestJS injects a client, and a filter answers with what went wrong', async () => {
  await expect(project.run('tsc', '--project', '.')).resolves.toEqual({
    code: 0,
    output: '',
    complaints: '',
  });
  await expect(project.run('node', 'dist/application.js')).resolves.toEqual({
    code: 0,
    output: [
      '201 {"balance":69.9}',
      '402 {"code":"INSUFFICIENT_BALANCE"}',
      '400 {"code":"INVALID_AMOUNT"}',
      '409 {"code":"IDEMPOTENT_KEY_REUSED"}',
      '',
    ].join('\n'),
    complaints: '',
  });
});
