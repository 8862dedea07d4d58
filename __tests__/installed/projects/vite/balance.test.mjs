// Tests as users of Vitest write them.

import { BalanceError, getCurrentBalance, transact } from 'dynamodb-balance';
import { expect, test } from 'vitest';

const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
const debit = { idempotentKey: `${userId}-1`, userId, amount: 30.1, type: 'debit' };

test('a debit moves the balance', async () => {
  await transact(debit);

  await expect(getCurrentBalance({ userId })).resolves.toBe(69.9);
});

test('an error has its class and its code', async () => {
  const again = transact(debit);

  await expect(again).rejects.toThrow(BalanceError);
  await expect(again).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
});
