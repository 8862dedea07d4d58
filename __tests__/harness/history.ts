// Histories of a test's own.

import type { ListTransactionsInput } from 'dynamodb-balance';

import { client, putRecord } from './history-tables';
import { fresh } from './tables';

export const SECOND = 1000;
/** When the first record of `userWith` was made; each further one is a second later. */
export const START = Date.parse('2024-05-06T07:08:09.000Z');

/** A user with credits of 1, 2, 3 … a second apart. */
export async function userWith(count: number): Promise<{ userId: string; keys: string[] }> {
  const userId = fresh('user');
  const keys = Array.from({ length: count }, (_, index) => `${userId}-${index}`);
  const put = (key: string, index: number) =>
    putRecord({
      idempotentKey: { S: key },
      userId: { S: userId },
      amount: { N: String(index + 1) },
      type: { S: 'credit' },
      timestamp: { S: new Date(START + index * SECOND).toISOString() },
    });
  await Promise.all(keys.map(put));
  return { userId, keys };
}

export async function keysOf(input: ListTransactionsInput): Promise<string[]> {
  const { transactions } = await client.listTransactions(input);
  return transactions.map(({ idempotentKey }) => idempotentKey);
}
