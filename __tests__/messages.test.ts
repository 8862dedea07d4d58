// Callers match on these messages: they are kept to the letter, and the first wrong field is the
// one that is told.

import { getCurrentBalance, transact } from 'dynamodb-balance';

import { fresh } from './harness/tables';

describe('messages', () => {
  test('smoke', async () => {
    const userId = fresh('user');
    await expect(getCurrentBalance({ userId })).resolves.toBe(100);
    const idempotentKey = fresh('key');
    await expect(transact({ idempotentKey, userId, amount: 0.1, type: 'credit' })).resolves.toBe(
      undefined,
    );
    await expect(transact({ idempotentKey, userId, amount: 0.1, type: 'credit' })).rejects.toThrow(
      `Duplicate transaction: This idempotentKey has already been used.${idempotentKey}`,
    );
    await expect(getCurrentBalance({ userId })).resolves.toBe(100.1);
    await expect(
      transact({ idempotentKey: fresh('k'), userId, amount: 1000, type: 'debit' }),
    ).rejects.toThrow(`Insufficient balance: Cannot process debit transaction.`);
  });
});
