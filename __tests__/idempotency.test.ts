// A key moves money once, whoever sends it again and whatever else the request says.

import { BalanceClient, getCurrentBalance, transact } from 'dynamodb-balance';

import { recordAsBefore, rejection, request } from './harness/calls';
import {
  balanceItem,
  fresh,
  inDynamoDb,
  putBalanceItem,
  putRecord,
  record,
  recordsOf,
} from './harness/tables';
import { openWire } from './harness/wire';

describe('the same request again', () => {
  test('is a duplicate', async () => {
    const twice = request();
    await transact(twice);
    await expect(transact(twice)).rejects.toMatchObject({
      code: 'DUPLICATE_TRANSACTION',
      message: `Duplicate transaction: This idempotentKey has already been used.${twice.idempotentKey}`,
      retryable: false,
    });
  });

  test.each(['credit', 'debit'] as const)('moves nothing (%s)', async (type) => {
    const twice = request({ amount: 10, type });
    await transact(twice);
    const before = [await record(twice.idempotentKey), await balanceItem(twice.userId)];
    await rejection(transact(twice));
    const after = [await record(twice.idempotentKey), await balanceItem(twice.userId)];
    expect(after).toEqual(before);
  });
});

describe('the same request 5,000 times at once', () => {
  const counted = (outcomes: string[]) =>
    Object.fromEntries(
      [...new Set(outcomes)].map((it) => [it, outcomes.filter((o) => o === it).length]),
    );

  test.each([
    ['that passes', 'credit', 10, { done: 1, DUPLICATE_TRANSACTION: 4_999 }],
    ['that the balance does not cover', 'debit', 1_000, { INSUFFICIENT_BALANCE: 5_000 }],
  ] as const)('%s costs a few requests', async (_name, type, amount, expected) => {
    const wire = await openWire();
    try {
      const client = new BalanceClient({ endpoint: wire.endpoint });
      const input = request({ type, amount });
      const calls = Array.from({ length: 5_000 }, () =>
        client.transact(input).then(
          () => 'done',
          (error) => String(error.code),
        ),
      );
      expect(counted(await Promise.all(calls))).toEqual(expected);
      expect(wire.passed.length).toBeLessThanOrEqual(10);
    } finally {
      await wire.close();
    }
  });
});

inDynamoDb.describe('the same request again, where once more would be too much', () => {
  // Told that the amount is out of range, a caller would believe that it never moved.
  test.each([
    { limit: 'the largest number', balance: '9e125', amount: 9e125 },
    { limit: '38 digits', balance: '9999999999999999999999999999999999999.9', amount: 1e37 },
  ])('is a duplicate, not beyond $limit', async ({ balance, amount }) => {
    const twice = request({ amount });
    await recordAsBefore(twice);
    await putBalanceItem({ userId: { S: twice.userId }, balance: { N: balance } });
    await expect(transact(twice)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
  });
});

describe('the same key for a different request', () => {
  const DIFFERENCES = [
    { what: 'another user', change: () => ({ userId: fresh('user') }) },
    { what: 'another amount', change: () => ({ amount: 11 }) },
    { what: 'another type', change: () => ({ type: 'debit' as const }) },
  ];

  test.each(DIFFERENCES)('$what is told apart from a duplicate', async ({ change }) => {
    const first = request({ amount: 10 });
    await transact(first);
    await expect(transact({ ...first, ...change() })).rejects.toMatchObject({
      code: 'IDEMPOTENT_KEY_REUSED',
      retryable: false,
    });
  });

  test.each(DIFFERENCES)('$what begins with the message of a duplicate', async ({ change }) => {
    const first = request({ amount: 10 });
    await transact(first);
    const { message } = await rejection(transact({ ...first, ...change() }));
    const beginning = `Duplicate transaction: This idempotentKey has already been used.${first.idempotentKey}`;
    expect(message.slice(0, beginning.length)).toBe(beginning);
  });

  test.each(DIFFERENCES)('$what moves nothing', async ({ change }) => {
    const first = request({ amount: 10 });
    const second = { ...first, ...change() };
    await transact(first);
    const look = async () => [
      await record(first.idempotentKey),
      await balanceItem(first.userId),
      await balanceItem(second.userId),
    ];
    const before = await look();
    await rejection(transact(second));
    expect(await look()).toEqual(before);
  });

  test('does not tell whose or how large the first one was', async () => {
    const first = request({ amount: 1234.5 });
    await transact(first);
    const { message } = await rejection(transact(request({ idempotentKey: first.idempotentKey })));
    expect(message).not.toContain(first.userId);
    expect(message).not.toContain('1234.5');
  });
});

inDynamoDb.describe('a record of the old implementation, which has no callId', () => {
  test('makes the same request a duplicate', async () => {
    const old = request();
    await recordAsBefore(old);
    await expect(transact(old)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
    expect(await balanceItem(old.userId)).toBeUndefined();
  });

  test('is compared by the value of its amount, not by its spelling', async () => {
    const old = request({ amount: 50 });
    await recordAsBefore(old, '50.00');
    await expect(transact(old)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
  });

  test('makes a different request a reuse of its key', async () => {
    const old = request({ amount: 50 });
    await recordAsBefore(old);
    await expect(transact({ ...old, amount: 51 })).rejects.toMatchObject({
      code: 'IDEMPOTENT_KEY_REUSED',
    });
    expect(await balanceItem(old.userId)).toBeUndefined();
  });

  test('counts even if it holds nothing but its key', async () => {
    const bare = request();
    await putRecord({ idempotentKey: { S: bare.idempotentKey } });
    await expect(transact(bare)).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED' });
    expect(await balanceItem(bare.userId)).toBeUndefined();
  });
});

describe('a refused debit', () => {
  test('leaves no record', async () => {
    const debit = request({ amount: 150, type: 'debit' });
    await expect(transact(debit)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    expect(await record(debit.idempotentKey)).toBeUndefined();
  });

  test('may succeed later with the same key', async () => {
    const debit = request({ amount: 150, type: 'debit' });
    await rejection(transact(debit));
    await transact(request({ userId: debit.userId, amount: 50 }));
    await transact(debit);
    await expect(getCurrentBalance(debit)).resolves.toBe(0);
  });
});

test('one key 100 times at once: one effect and 99 duplicates', async () => {
  const credit = request({ amount: 7 });
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () =>
      transact(credit).then(
        () => 'CONFIRMED',
        (error) => error.code,
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'CONFIRMED')).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === 'DUPLICATE_TRANSACTION')).toHaveLength(99);
  expect(await recordsOf(credit.userId)).toHaveLength(1);
  await expect(getCurrentBalance(credit)).resolves.toBe(107);
});
