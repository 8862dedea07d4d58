// Some libraries put properties on Object.prototype, and some attackers manage to. Every object then
// seems to have them; none of them is an option, an input, a credential or a failure.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { balanceItem, fresh } from './harness/tables';

const root = JSON.stringify(join(__dirname, '..'));

/** What a program prints on whose Object.prototype these properties stand. */
function run(foreign: string, program: string): unknown {
  const everything = `
    const define = ([name, value]) => Object.defineProperty(Object.prototype, name, {
      __proto__: null, value, enumerable: true, writable: true, configurable: true,
    });
    const told = (error) => ({ code: error.code, hasCause: Object.hasOwn(error, 'cause') });
    const { stdout } = process;
    const print = (value) => stdout.write(JSON.stringify(value));
    const { signal, ...others } = ${foreign};
    Object.entries(others).forEach(define);
    const { BalanceClient, getCurrentBalance, transact } = require(${root});
    // Node itself can neither load a module nor open a stream where there is one.
    if (signal !== undefined) {
      define(['signal', signal]);
    }
    void (async () => { ${program} })();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--eval', everything], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const ANY = `{ foo: 'bar', each() {}, code: 'E', cause: 'somebody', retryable: true }`;
const OPTIONS = `{
  region: 'nowhere', endpoint: 'http://127.0.0.1:1', profile: 'nobody', defaultBalance: 7,
  balancesTable: 'Elsewhere', callTimeout: 1, consistentRead: 'never', credentials: 5, signal: {},
}`;
const CREDENTIALS = `{ sessionToken: 'foreign', expiration: new Date(0), complaint: 'foreign' }`;
const DESCRIPTORS = `{ get() {}, set() {} }`;

test.each([
  ['of any name', ANY],
  ['named as options', OPTIONS],
  ['named as parts of credentials', CREDENTIALS],
  ['named as parts of descriptors', DESCRIPTORS],
])('properties %s change nothing', async (_name, foreign) => {
  const [userId, idempotentKey] = [fresh('user'), fresh('key')];
  const input = JSON.stringify({ idempotentKey, userId, amount: 1, type: 'credit' });

  expect(
    run(
      foreign,
      `await transact(${input});
       const again = await transact(${input}).catch(told);
       const credentials = async () => ({ accessKeyId: 'local', secretAccessKey: 'secret' });
       const client = new BalanceClient({ credentials });
       const balance = await client.getCurrentBalance({ userId: '${userId}' }, {});
       await client.close();
       print([again, balance, await getCurrentBalance({ userId: 'nobody' })]);`,
    ),
  ).toEqual([{ code: 'DUPLICATE_TRANSACTION', hasCause: false }, 101, 100]);
  await expect(balanceItem(userId)).resolves.toMatchObject({ balance: { N: '101' } });
});

test('properties named as inputs are no input', () => {
  expect(
    run(
      `{ idempotentKey: '${fresh('key')}', userId: '${fresh('user')}', amount: 1, type: 'credit' }`,
      `print([await transact({}).catch(told), await getCurrentBalance({}).catch(told)]);`,
    ),
  ).toEqual([
    { code: 'INVALID_IDEMPOTENT_KEY', hasCause: false },
    { code: 'INVALID_USER_ID', hasCause: false },
  ]);
});

test('what an object or its class has counts also where Object.prototype has the same', () => {
  const userId = fresh('user');
  expect(
    run(
      `{ userId: 'somebody', defaultBalance: 7 }`,
      `class Settings { get defaultBalance() { return 3; } }
       class Input { get userId() { return '${userId}'; } }
       const balanceWith = (options) => new BalanceClient(options).getCurrentBalance(new Input());
       print([
         await balanceWith(new Settings()),
         await balanceWith({ defaultBalance: 4 }),
         await balanceWith(Object.assign(Object.create(null), { defaultBalance: 5 })),
         await balanceWith({}),
       ]);`,
    ),
  ).toEqual([3, 4, 5, 100]);
});
