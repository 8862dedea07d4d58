// Installed from the tarballs, with nothing but Node.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';

import { makeProject, type Project, runProgram } from './harness/project';

let project: Project;

beforeAll(async () => {
  project = await makeProject('plain');
});

test('there is no Rust on the path', async () => {
  await expect(project.run('cargo', '--version')).resolves.toMatchObject({ code: -1 });
});

test('only the package for this platform is installed', () => {
  const ours = readdirSync(join(project.folder, 'node_modules')).filter((name) =>
    name.startsWith('dynamodb-balance'),
  );

  expect(ours).toEqual(['dynamodb-balance', `dynamodb-balance-linux-${process.arch}-gnu`]);
});

test('CommonJS requires it', async () => {
  await expect(project.run('node', 'story.cjs')).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});

test('ES modules import its names', async () => {
  await expect(project.run('node', 'story.mjs')).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});

test('the package and the one for tests have the same classes, and stacks lead to the caller', async () => {
  const program = `
    const { BalanceClient, BalanceError } = require('dynamodb-balance');
    const testing = require('dynamodb-balance/testing');
    const client = testing.createTestClient();
    async function caller() {
      await client.transact();
    }
    caller().catch((error) => {
      console.log(error instanceof BalanceError, client instanceof BalanceClient);
      console.log(BalanceError.name, BalanceClient.name, /at async caller /.test(error.stack));
    });`;

  await expect(project.run('node', '--eval', program)).resolves.toEqual({
    code: 0,
    output: 'true true\nBalanceError BalanceClient true\n',
    complaints: '',
  });
});

test('its command line is on the path of npm scripts', async () => {
  await expect(project.run('dynamodb-balance', 'tables', 'check')).resolves.toMatchObject({
    code: 0,
    complaints: '',
  });
});

test('a zip for Lambda, unpacked elsewhere, answers', async () => {
  const zip = zipSync(filesOf(project.folder), { level: 0 });
  const task = join(project.folder, 'var', 'task');
  for (const [name, content] of Object.entries(unzipSync(zip))) {
    mkdirSync(dirname(join(task, name)), { recursive: true });
    writeFileSync(join(task, name), content);
  }

  await expect(runProgram(task, 'node', ['invoke.cjs'])).resolves.toEqual({
    code: 0,
    output: '200 69.9,402 INSUFFICIENT_BALANCE\n',
    complaints: '',
  });
});

/** What goes into the zip: the handler and node_modules. */
function filesOf(folder: string): Record<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.cjs') || name.startsWith('node_modules'),
  );
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name))]));
}
