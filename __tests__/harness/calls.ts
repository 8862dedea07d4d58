// Calls to the package as the tests make them.

import { BalanceError, getCurrentBalance, type TransactInput, transact } from 'dynamodb-balance';

import { fresh, putRecord } from './tables';

/** `transact` as a caller without types sees it. */
export const looselyTransact = transact as (input?: unknown) => Promise<void>;

/** `getCurrentBalance` as a caller without types sees it. */
export const looselyGetCurrentBalance = getCurrentBalance as (input?: unknown) => Promise<number>;

/** A request that nobody made before: a credit of 50 to a fresh user, but for the changes. */
export function request(changes: Partial<TransactInput> = {}): TransactInput {
  return {
    idempotentKey: fresh('key'),
    userId: fresh('user'),
    amount: 50,
    type: 'credit',
    ...changes,
  };
}

/** Records a request as the old implementation did: without a callId. */
export async function recordAsBefore(
  { idempotentKey, userId, amount, type }: TransactInput,
  spelling = String(amount),
): Promise<void> {
  await putRecord({
    idempotentKey: { S: idempotentKey },
    userId: { S: userId },
    amount: { N: spelling },
    type: { S: type },
    timestamp: { S: '2024-02-29T12:34:56.789Z' },
  });
}

/** What a call was rejected with; anything but a `BalanceError` fails the test. */
export async function rejection(call: Promise<unknown>): Promise<BalanceError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof BalanceError) {
      return error;
    }
    throw error;
  }
  throw new Error('expected a rejection, but the call was fulfilled');
}
