// The check of built addons would find what it looks for.

import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { repositoryFile } from './harness/project';

const run = promisify(execFile);
const addon = repositoryFile(
  'target',
  'artifacts',
  `dynamodb-balance.linux-${process.arch}-gnu.node`,
);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the check complains of in a file. */
async function complaints(file: string): Promise<string> {
  const check = run(process.execPath, [repositoryFile('scripts', 'check-addon.mjs'), file]);
  return await check.then(
    () => '',
    (error) => error.stderr,
  );
}

test('the addon keeps to the limits', async () => {
  await expect(complaints(addon)).resolves.toBe('');
});

test('a program that asks for a newer glibc and is too large is found', async () => {
  const found = await complaints(process.execPath);

  expect(found).toMatch(/it asks for glibc 2\.\d+, newer than 2\.17/);
  expect(found).toMatch(/it has \d+ bytes, not under 9000000/);
  expect(found).toMatch(/it has \d+ bytes after gzip, not under 4000000/);
});

test('symbols of glibc in an addon for musl are found', async () => {
  const disguised = join(folder, 'dynamodb-balance.linux-x64-musl.node');
  copyFileSync(addon, disguised);

  const found = await complaints(disguised);

  expect(found).toContain('it asks for symbols of glibc 2.17, on a system without glibc');
  expect(found).toContain('it asks for libc.so.6');
});

test('an addon that is not stripped is found', async () => {
  // Node's own program keeps its symbols.
  await expect(complaints(process.execPath)).resolves.toContain('it is not stripped');
});
