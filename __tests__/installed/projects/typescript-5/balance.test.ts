// Tests as users write them, in Jest's own realm: messages, classes and codes.

import { randomUUID } from 'node:crypto';
import { BalanceClient, BalanceError, getCurrentBalance, transact } from 'dynamodb-balance';

const userId = randomUUID();
const tooMuch = { idempotentKey: randomUUID(), userId, amount: 500, type: 'debit' } as const;

test('a new user has 100', async () => {
  await expect(getCurrentBalance({ userId })).resolves.toBe(100);
});

test('a transaction resolves to undefined', async () => {
  const credit = { idempotentKey: randomUUID(), userId: randomUUID(), amount: 1 };

  await expect(transact({ ...credit, type: 'credit' })).resolves.toBeUndefined();
});

test('toThrow matches the message', async () => {
  await expect(transact(tooMuch)).rejects.toThrow(
    'Insufficient balance: Cannot process debit transaction.',
  );
});

test('toThrow matches the class', async () => {
  await expect(transact(tooMuch)).rejects.toThrow(BalanceError);
});

test('toBeInstanceOf knows BalanceError and Error', async () => {
  const error: unknown = await transact(tooMuch).catch((error: unknown) => error);

  expect(error).toBeInstanceOf(BalanceError);
  expect(error).toBeInstanceOf(Error);
});

test('toMatchObject matches the code', async () => {
  await expect(transact(tooMuch)).rejects.toMatchObject({
    code: 'INSUFFICIENT_BALANCE',
    retryable: false,
  });
});

test('a wrong option throws at once', () => {
  expect(() => new BalanceClient({ callTimeout: -1 })).toThrow(BalanceError);
});
