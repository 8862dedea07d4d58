// Tables of a test's own, with the index that the history is read from: records of any shape are
// written there, which the index would refuse in the tables that all tests share.

import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { BalanceClient, type ListTransactionsInput } from 'dynamodb-balance';

import { fresh, type Item } from './tables';

export const SECOND = 1000;
/** When the first record of `userWith` was made; each further one is a second later. */
export const START = Date.parse('2024-05-06T07:08:09.000Z');

export const tables = {
  balancesTable: fresh('Balances'),
  transactionsTable: fresh('Transactions'),
};

export const client = new BalanceClient(tables);

const database = new DynamoDBClient({});

beforeAll(() => client.createTables({ history: true }));

afterAll(() => database.destroy());

/** Stores a record as somebody else might have. */
export async function putRecord(Item: Item): Promise<void> {
  await database.send(new PutItemCommand({ TableName: tables.transactionsTable, Item }));
}

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
