// Tests as users of node:test write them, in TypeScript that Node runs as it is.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { BalanceError, getCurrentBalance, type TransactInput, transact } from 'dynamodb-balance';

const userId: string = randomUUID();
const debit: TransactInput = { idempotentKey: randomUUID(), userId, amount: 30.1, type: 'debit' };

test('a debit moves the balance', async () => {
  await transact(debit);

  assert.equal(await getCurrentBalance({ userId }), 69.9);
});

test('an error has its class and its code', async () => {
  const error: unknown = await transact(debit).catch((error: unknown) => error);

  assert.ok(error instanceof BalanceError);
  assert.equal(error.code, 'DUPLICATE_TRANSACTION');
});
