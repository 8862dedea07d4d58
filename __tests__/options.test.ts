// BalanceClient: what it can be told, and that a wrong option is refused by name when it is made.

import { BalanceClient, type BalanceClientOptions, BalanceError } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire } from './harness/wire';

const Client = BalanceClient as unknown as new (options?: unknown) => BalanceClient;

function refusal(options: unknown): unknown {
  try {
    return new Client(options);
  } catch (error) {
    return error;
  }
}

const WRONG: [string, unknown][] = [
  ['region', 5],
  ['region', ''],
  ['region', 'us east 1'],
  ['region', null],
  ['endpoint', 'localhost:8000'],
  ['endpoint', 'ftp://localhost'],
  ['endpoint', {}],
  ['endpoint', { href: 'http://localhost:8000' }],
  ['endpoint', new URL('ftp://localhost')],
  ['region', new URL('http://localhost')],
  ['profile', ''],
  ['credentials', 'AKIA'],
  ['credentials', null],
  ['credentials', {}],
  ['credentials', { accessKeyId: 'a', secretAccessKey: 5 }],
  ['credentials', { accessKeyId: 'a', secretAccessKey: 'b', expiration: 'tomorrow' }],
  ['credentials', { accessKeyId: 'a', secretAccessKey: 'b', expiration: new Date('never') }],
  ['balancesTable', ''],
  ['balancesTable', 'two words'],
  ['transactionsTable', 7],
  ['transactionsTable', 'UserBalances'],
  ['defaultBalance', '100'],
  ['defaultBalance', -1],
  ['defaultBalance', Number.NaN],
  ['defaultBalance', 1e200],
  ['consistentRead', 'yes'],
  ['connectTimeout', 0],
  ['attemptTimeout', '5s'],
  ['callTimeout', 300_001],
  ['callTimeout', Number.POSITIVE_INFINITY],
  ['customUserAgent', ''],
  ['customUserAgent', 'two\nlines'],
  ['customUserAgent', 'café'],
  ['customUserAgent', ['shop', '1.2']],
  ['customUserAgent', 'a'.repeat(257)],
  ['balanceTable', 'UserBalances'],
];

test.each(WRONG)('%s: %p is refused with its name', (name, value) => {
  expect(refusal({ [name]: value })).toBeInstanceOf(BalanceError);
  expect(refusal({ [name]: value })).toMatchObject({
    code: 'INVALID_OPTION',
    retryable: false,
    message: expect.stringMatching(new RegExp(`^Invalid option: ${name}\\b`)),
  });
});

test.each([null, 'us-east-1', 5])('%p instead of options is refused', (options) => {
  expect(refusal(options)).toMatchObject({ code: 'INVALID_OPTION' });
});

test('a refusal never repeats a secret', () => {
  const credentials = { accessKeyId: '', secretAccessKey: 'a secret', sessionToken: 'a token' };

  expect(String(refusal({ credentials }))).not.toMatch(/a secret|a token/);
});

test.each([undefined, {}, { region: undefined }])('%p is what the defaults are', (options) => {
  expect(refusal(options)).toBeInstanceOf(BalanceClient);
});

test('defaultBalance is what a new user starts from', async () => {
  const client = new BalanceClient({ defaultBalance: 0 });
  const userId = fresh('user');

  await expect(client.getCurrentBalance({ userId })).resolves.toBe(0);
  await expect(
    client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'debit' }),
  ).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });
  await expect(client.getCurrentBalance({ userId })).resolves.toBe(1);
});

test('endpoint may be a URL', async () => {
  const wire = await openWire();
  try {
    const client = new BalanceClient({ endpoint: new URL(wire.endpoint) });
    await client.getCurrentBalance({ userId: fresh('user') });

    expect(wire.passed).toHaveLength(1);
  } finally {
    await wire.close();
  }
});

test('options that are undefined are left out', async () => {
  const options = {
    region: undefined,
    endpoint: undefined,
    profile: undefined,
    credentials: undefined,
    balancesTable: undefined,
    transactionsTable: undefined,
    defaultBalance: undefined,
    consistentRead: undefined,
    connectTimeout: undefined,
    attemptTimeout: undefined,
    callTimeout: undefined,
    customUserAgent: undefined,
  };
  const everyOption: Record<keyof BalanceClientOptions, undefined> = options;
  const client = new BalanceClient(everyOption);
  const call = client.getCurrentBalance({ userId: fresh('user') }, { signal: undefined });

  await expect(call).resolves.toBe(100);
});

test('region is the one that requests are signed for', async () => {
  const wire = await openWire();
  try {
    const client = new BalanceClient({ endpoint: wire.endpoint, region: 'eu-central-1' });
    await client.getCurrentBalance({ userId: fresh('user') });

    expect(wire.passed[0]?.headers.authorization).toContain('/eu-central-1/dynamodb/');
  } finally {
    await wire.close();
  }
});

test('tables are the ones that are written', async () => {
  const tables = { balancesTable: fresh('Balances'), transactionsTable: fresh('Records') };
  const client = new BalanceClient(tables);
  await client.createTables();
  const userId = fresh('user');
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });

  await expect(client.getCurrentBalance({ userId })).resolves.toBe(101);
  await expect(new BalanceClient().getCurrentBalance({ userId })).resolves.toBe(100);
});
