// Whoever has no balance yet has 100 USD.

import { getCurrentBalance, transact } from 'dynamodb-balance';

import { request } from './harness/calls';
import { balanceItem, fresh, inDynamoDb, putBalanceItem, record } from './harness/tables';

describe('reading', () => {
  test('a user without an item has 100', async () => {
    await expect(getCurrentBalance({ userId: fresh('user') })).resolves.toBe(100);
  });

  inDynamoDb.test('a user whose item has no balance has 100', async () => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, nickname: { S: 'Ada' } });
    await expect(getCurrentBalance({ userId })).resolves.toBe(100);
  });

  test('a balance of 0 is 0', async () => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, balance: { N: '0' } });
    await expect(getCurrentBalance({ userId })).resolves.toBe(0);
  });
});

describe('the first transaction', () => {
  test('credits to 100', async () => {
    const credit = request({ amount: 50 });
    await transact(credit);
    await expect(getCurrentBalance(credit)).resolves.toBe(150);
  });

  test('debits from 100', async () => {
    const debit = request({ amount: 30, type: 'debit' });
    await transact(debit);
    await expect(getCurrentBalance(debit)).resolves.toBe(70);
  });

  test('may debit exactly 100', async () => {
    const debit = request({ amount: 100, type: 'debit' });
    await transact(debit);
    await expect(getCurrentBalance(debit)).resolves.toBe(0);
  });

  test('may not debit 100.01, and leaves nothing behind', async () => {
    const debit = request({ amount: 100.01, type: 'debit' });
    await expect(transact(debit)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    expect(await record(debit.idempotentKey)).toBeUndefined();
    expect(await balanceItem(debit.userId)).toBeUndefined();
  });

  inDynamoDb.test.each([
    { type: 'credit' as const, balance: '150' },
    { type: 'debit' as const, balance: '50' },
  ])('starts a $type from 100 for an item without a balance', async ({ type, balance }) => {
    const first = request({ amount: 50, type });
    const item = { userId: { S: first.userId }, nickname: { S: 'Ada' } };
    await putBalanceItem(item);
    await transact(first);
    expect(await balanceItem(first.userId)).toEqual({
      ...item,
      balance: { N: balance },
      epoch: { N: expect.any(String) },
    });
  });

  inDynamoDb.test('may not debit 100.01 from an item without a balance either', async () => {
    const debit = request({ amount: 100.01, type: 'debit' });
    const item = { userId: { S: debit.userId }, nickname: { S: 'Ada' } };
    await putBalanceItem(item);
    await expect(transact(debit)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    expect(await balanceItem(debit.userId)).toEqual(item);
  });
});

test('an account that was emptied does not start from 100 again', async () => {
  const first = request({ amount: 100, type: 'debit' });
  await transact(first);
  const second = request({ userId: first.userId, amount: 0.01, type: 'debit' });
  await expect(transact(second)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
});
