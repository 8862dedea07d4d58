// createTransaction: what transact does, with exact amounts, and an answer that can be had again.

import { BalanceClient, type CreateTransactionInput } from 'dynamodb-balance';

import { balanceItem, fresh, recordsOf } from './harness/tables';

const client = new BalanceClient();

afterAll(async () => await client.close());

function credit(userId: string, key: string, amount: CreateTransactionInput['amount'] = 5) {
  return { idempotentKey: key, userId, amount, type: 'credit' } as const;
}

test('resolves with what is recorded', async () => {
  const [user, key] = [fresh('user'), fresh('key')];
  const before = new Date().toISOString();
  const { transaction, replayed } = await client.createTransaction(credit(user, key));
  expect(replayed).toBe(false);
  expect(transaction).toEqual({
    idempotentKey: key,
    userId: user,
    amount: '5',
    type: 'credit',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
  expect(transaction.timestamp >= before).toBe(true);
  expect(await client.getTransaction({ idempotentKey: key })).toEqual(transaction);
});

test('the same request again moves nothing and resolves with the first record', async () => {
  const [user, key] = [fresh('user'), fresh('key')];
  const first = await client.createTransaction(credit(user, key));
  const again = await client.createTransaction(credit(user, key));
  expect(again).toEqual({ transaction: first.transaction, replayed: true });
  expect(await client.getBalance({ userId: user })).toMatchObject({ balance: '105' });
});

test('the same request at the same time is recorded once and replayed for the others', async () => {
  const [user, key] = [fresh('user'), fresh('key')];
  const calls = Array.from({ length: 20 }, () => client.createTransaction(credit(user, key)));
  const results = await Promise.all(calls);
  expect(results.filter((result) => !result.replayed)).toHaveLength(1);
  expect(new Set(results.map((result) => JSON.stringify(result.transaction))).size).toBe(1);
  expect(await recordsOf(user)).toHaveLength(1);
});

test('what transact has recorded is replayed, and the other way round it is a duplicate', async () => {
  const [user, key, other] = [fresh('user'), fresh('key'), fresh('key')];
  await client.transact({ idempotentKey: key, userId: user, amount: 5, type: 'credit' });
  expect(await client.createTransaction(credit(user, key))).toMatchObject({ replayed: true });
  await client.createTransaction(credit(user, other));
  const repeated = client.transact({
    idempotentKey: other,
    userId: user,
    amount: 5,
    type: 'credit',
  });
  await expect(repeated).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
});

test.each([
  ['amount', { amount: 6 }],
  ['type', { type: 'debit' }],
  ['userId', { userId: 'somebody else' }],
] as const)('a key with another %s is reused, and nothing moves', async (field, change) => {
  const [user, key] = [fresh('user'), fresh('key')];
  await client.createTransaction(credit(user, key));
  const reused = client.createTransaction({ ...credit(user, key), ...change });
  await expect(reused).rejects.toMatchObject({
    code: 'IDEMPOTENT_KEY_REUSED',
    message: expect.stringContaining(field),
  });
  expect(await client.getBalance({ userId: user })).toMatchObject({ balance: '105' });
});

test('a refused debit says what is available', async () => {
  const user = fresh('user');
  const debit = { ...credit(user, fresh('key'), '100.000000000000000001'), type: 'debit' } as const;
  await expect(client.createTransaction(debit)).rejects.toMatchObject({
    code: 'INSUFFICIENT_BALANCE',
    available: '100',
    retryable: false,
  });
});

test.each([
  ['a number', 0.1, '0.1'],
  ['a bigint', 12_345_678_901_234_567_890n, '12345678901234567890'],
  ['a string', '0.000000000000000001', '0.000000000000000001'],
  ['zeros', '007.500', '7.5'],
] as const)('%s is exact', async (_kind, amount, exact) => {
  const [user, key] = [fresh('user'), fresh('key')];
  const { transaction } = await client.createTransaction(credit(user, key, amount));
  expect(transaction.amount).toBe(exact);
});

test('38 digits stay 38 digits in the balance', async () => {
  const user = fresh('user');
  await client.createTransaction(
    credit(user, fresh('key'), '0.00000000000000000000000000000000001'),
  );
  const { balance } = await client.getBalance({ userId: user });
  expect(balance).toBe('100.00000000000000000000000000000000001');
});

test.each(['', ' 1', '1e3', '0x10', '+1', '1,5', '1.', '.5', 'NaN', '٣'])(
  'the string %j is no amount',
  async (amount) => {
    const refused = client.createTransaction(credit(fresh('user'), fresh('key'), amount));
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
  },
);

test.each([0n, -1n, '0', '0.00', '-1', -1, 0])('%p is not greater than 0', async (amount) => {
  const refused = client.createTransaction(credit(fresh('user'), fresh('key'), amount));
  await expect(refused).rejects.toMatchObject({
    code: 'INVALID_AMOUNT',
    message: 'Amount must be greater than 0',
  });
});

test('transact takes no strings and no bigints', async () => {
  for (const amount of ['5', 5n]) {
    const input = { ...credit(fresh('user'), fresh('key')), amount: amount as unknown as number };
    await expect(client.transact(input)).rejects.toMatchObject({ code: 'INVALID_AMOUNT' });
  }
});

describe('metadata', () => {
  test('is stored with the record, and the stored one is returned', async () => {
    const [user, key] = [fresh('user'), fresh('key')];
    const metadata = { order: '17', ['__proto__']: 'a word like any other' };
    const first = await client.createTransaction({ ...credit(user, key), metadata });
    expect(Object.entries(first.transaction.metadata ?? {})).toEqual(
      expect.arrayContaining(Object.entries(metadata)),
    );
    const again = await client.createTransaction({
      ...credit(user, key),
      metadata: { order: '18' },
    });
    expect(again).toEqual({ transaction: first.transaction, replayed: true });
  });

  test('without it the record has none', async () => {
    const [user, key] = [fresh('user'), fresh('key')];
    await client.createTransaction(credit(user, key));
    const [record] = await recordsOf(user);
    expect(record).not.toHaveProperty('metadata');
  });

  test.each([
    ['null', null, 'not null'],
    ['an array', ['a'], 'not an array'],
    ['a string', 'a', 'not a string'],
    ['a number in it', { a: 1 }, '"a" must be a string, not a number'],
    ['an empty name', { '': 'a' }, 'empty name'],
    ['half a surrogate pair', { a: '\ud800' }, 'unpaired surrogates'],
    ['51 entries', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`${i}`, ''])), '50'],
    ['2,049 bytes', { a: 'ä'.repeat(1024) }, '2048'],
  ])('%s is refused, and nothing is written', async (_kind, metadata, words) => {
    const user = fresh('user');
    const input = { ...credit(user, fresh('key')), metadata: metadata as Record<string, string> };
    await expect(client.createTransaction(input)).rejects.toMatchObject({
      code: 'INVALID_METADATA',
      message: expect.stringContaining(words),
    });
    expect(await recordsOf(user)).toEqual([]);
  });
});

test('the fields are refused in the order of the contract, in the words of transact', async () => {
  const refusal = async (input: object) =>
    await client.createTransaction(input as CreateTransactionInput).catch((error) => error.message);
  expect(await refusal({ metadata: 5 })).toBe('Idempotent key is required');
  expect(await refusal({ idempotentKey: 'a', metadata: 5 })).toBe('User ID is required');
  expect(await refusal({ idempotentKey: 'a', userId: 'b', amount: 0, metadata: 5 })).toBe(
    'Amount must be greater than 0',
  );
  expect(await refusal({ idempotentKey: 'a', userId: 'b', amount: 1, metadata: 5 })).toBe(
    'Transaction type must be either "credit" or "debit"',
  );
});

describe('getTransaction', () => {
  test('is undefined where nothing is recorded', async () => {
    expect(await client.getTransaction({ idempotentKey: fresh('key') })).toBeUndefined();
  });

  test('is found together with many others', async () => {
    const user = fresh('user');
    const keys = Array.from({ length: 120 }, () => fresh('key'));
    await Promise.all(keys.map(async (key) => await client.createTransaction(credit(user, key))));
    const found = await Promise.all(
      [...keys, 'missing'].map(
        async (idempotentKey) => await client.getTransaction({ idempotentKey }),
      ),
    );
    expect(found.map((transaction) => transaction?.idempotentKey)).toEqual([...keys, undefined]);
  });

  test('needs a key', async () => {
    await expect(client.getTransaction({ idempotentKey: '' })).rejects.toMatchObject({
      code: 'INVALID_IDEMPOTENT_KEY',
    });
  });
});

describe('getBalance', () => {
  test('tells the default balance from one that is stored', async () => {
    const user = fresh('user');
    expect(await client.getBalance({ userId: user })).toEqual({
      userId: user,
      balance: '100',
      held: '0',
      exists: false,
    });
    await client.createTransaction(credit(user, fresh('key'), '0.25'));
    expect(await client.getBalance({ userId: user })).toEqual({
      userId: user,
      balance: '100.25',
      held: '0',
      exists: true,
    });
  });

  test('creates nothing', async () => {
    const user = fresh('user');
    await client.getBalance({ userId: user });
    expect(await balanceItem(user)).toBeUndefined();
  });
});
