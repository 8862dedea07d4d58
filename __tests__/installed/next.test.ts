// A Next.js application with a route handler, built and started as in production.

import { makeProject, type Project } from './harness/project';

let project: Project;

beforeAll(async () => {
  project = await makeProject('next');
});

test('Next.js leaves the package outside its bundle and serves requests with it', async () => {
  const built = await project.run('next', 'build');
  expect({ ...built, output: '' }).toEqual({ code: 0, output: '', complaints: '' });

  await expect(project.run('node', 'request.mjs')).resolves.toEqual({
    code: 0,
    output: '200 {"balance":69.9}\n402 {"code":"INSUFFICIENT_BALANCE"}\n',
    complaints: '',
  });
});
