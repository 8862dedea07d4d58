// What a call resolves to.

import { BalanceClient, getCurrentBalance, transact } from 'dynamodb-balance';

import { request } from './harness/calls';
import { fresh, putBalanceItem } from './harness/tables';

describe('transact', () => {
  test.each(['credit', 'debit'] as const)('resolves to undefined after a %s', async (type) => {
    await expect(transact(request({ type }))).resolves.toBeUndefined();
  });
});

describe('getCurrentBalance', () => {
  test('resolves to a number', async () => {
    expect(typeof (await getCurrentBalance({ userId: fresh('user') }))).toBe('number');
  });

  test('sees every one of your own transactions', async () => {
    const userId = fresh('user');
    for (let count = 1; count <= 20; count += 1) {
      await transact(request({ userId, amount: 1 }));
      expect(await getCurrentBalance({ userId })).toBe(100 + count);
    }
  });

  test.each([
    { stored: '0', read: 0 },
    { stored: '0.1', read: 0.1 },
    { stored: '1234567890.12', read: 1234567890.12 },
    // Halfway between two doubles: to the even one.
    { stored: '9007199254740993', read: 9007199254740992 },
    { stored: '9007199254740993.0000000000000000000001', read: 9007199254740994 },
    { stored: '0.10000000000000000000000000000000000001', read: 0.1 },
    { stored: '12345678901234567890123456789012345678', read: 1.2345678901234568e37 },
    { stored: '9.9999999999999999999999999999999999999E+125', read: 1e126 },
    { stored: '1E-130', read: 1e-130 },
    { stored: '-0.5', read: -0.5 },
  ])('rounds $stored to the nearest number, $read', async ({ stored, read }) => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, balance: { N: stored } });
    await expect(getCurrentBalance({ userId })).resolves.toBe(read);
  });
});

/** The names of all properties in a result, however deep, whose value is undefined. */
function undefinedIn(result: unknown): string[] {
  if (typeof result !== 'object' || result === null) {
    return [];
  }
  return Object.entries(result).flatMap(([name, value]) =>
    value === undefined ? [name] : undefinedIn(value),
  );
}

test('what a result does not have is absent, as its type says, and not undefined', async () => {
  const client = new BalanceClient();
  const [userId, hold] = [fresh('user'), fresh('key')];
  const input = { userId, amount: 5 } as const;
  const results = [
    await client.createTransaction({ ...input, idempotentKey: fresh('key'), type: 'credit' }),
    await client.createHold({ ...input, idempotentKey: hold }),
    await client.captureHold({ idempotentKey: fresh('key'), hold }),
    await client.getTransaction({ idempotentKey: hold }),
    await client.getBalance({ userId }),
  ];

  expect(results.flatMap(undefinedIn)).toEqual([]);
});
