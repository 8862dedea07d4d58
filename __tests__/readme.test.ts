// The quick start of the README does what it says, as it is pasted, and as often as it is run.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { fresh } from './harness/tables';

const root = join(__dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'quick-start-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** The program, with a user and keys of its own. */
function quickStart(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, program = ''] = /## Quick start[\s\S]*?```js\n([\s\S]*?)```/.exec(readme) ?? [];
  const run = fresh('run');
  return program.replace(/'(alice|order-\d+)'/g, `'${run}-$1'`);
}

test('the quick start prints what its comments say, also the second time', async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'dynamodb-balance'), 'junction');
  const program = join(folder, 'quick-start.mjs');
  writeFileSync(program, quickStart());
  const expected =
    '69.9\nNot enough money. Nothing was written, and order-18 can be tried again.\n';

  for (const _time of ['first', 'second']) {
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    expect(stdout).toBe(expected);
  }
});
