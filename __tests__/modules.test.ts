// The package in processes of its own: from CommonJS and from ES modules, ending by themselves.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { fresh } from './harness/tables';

const run = promisify(execFile);
const entry = join(__dirname, '..', 'index.js');

/** Runs a program; it must end by itself within the time limit. */
async function output(program: string, ...options: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [...options, '--eval', program], {
    timeout: 20_000,
  });
  return stdout.trim();
}

/** A credit, a read and a wrong call, told in one line. */
function story(): string {
  return `
    const userId = '${fresh('user')}';
    await transact({ idempotentKey: '${fresh('key')}', userId, amount: 1, type: 'credit' });
    const balance = await getCurrentBalance({ userId });
    const error = await transact().catch((error) => error);
    console.log(balance, error instanceof BalanceError, error instanceof Error, error.code);`;
}

const TOLD = '101 true true INVALID_IDEMPOTENT_KEY';

test('CommonJS requires it', async () => {
  const program = `
    const { getCurrentBalance, transact, BalanceError } = require(${JSON.stringify(entry)});
    (async () => { ${story()} })();`;

  await expect(output(program)).resolves.toBe(TOLD);
});

test('ES modules import its names', async () => {
  const program = `
    import { getCurrentBalance, transact, BalanceError } from '${pathToFileURL(entry)}';
    ${story()}`;

  await expect(output(program, '--input-type=module')).resolves.toBe(TOLD);
});

test('a process whose client is idle ends by itself', async () => {
  const program = `
    const { BalanceClient } = require(${JSON.stringify(entry)});
    const client = new BalanceClient({
      credentials: async () => ({ accessKeyId: 'local', secretAccessKey: 'secret' }),
    });
    client.getCurrentBalance({ userId: 'user' }).then(console.log);`;

  await expect(output(program)).resolves.toBe('100');
});

test('a process with a call in flight waits for its answer', async () => {
  const program = `
    const { getCurrentBalance } = require(${JSON.stringify(entry)});
    getCurrentBalance({ userId: 'user' }).then((balance) => console.log('answered', balance));`;

  await expect(output(program)).resolves.toBe('answered 100');
});

test('requiring it starts nothing', async () => {
  const program = `
    require(${JSON.stringify(entry)});
    console.log(process.getActiveResourcesInfo().join());`;

  await expect(output(program)).resolves.not.toMatch(/TCP|Timeout|Immediate/);
});
