// What `history-tables.ts` has, in memory.

import * as module from 'dynamodb-balance';

import type { TestClientOptions, TestModule } from '../../testing';
import { plain } from './decimal';
import type { Item } from './tables-in-memory';

export const tables = {};

const { BalanceClient, testClient } = module as unknown as TestModule;

export const client = new BalanceClient({ tablesOf: testClient });

/** They add up to anything: nothing else is in the balances. */
const options = { tablesOf: testClient, defaultBalance: 0 };

/** Makes a transaction that took place before. */
export async function putRecord(item: Item): Promise<void> {
  const { idempotentKey, userId, amount, type, timestamp, metadata } = item;
  const entries = Object.entries(metadata?.M ?? {}).map(([name, value]) => [name, value.S]);
  const transaction = {
    idempotentKey: idempotentKey?.S,
    userId: userId?.S,
    amount: plain(String(amount?.N)),
    type: type?.S,
    timestamp: new Date(String(timestamp?.S)),
    ...(metadata === undefined ? {} : { metadata: Object.fromEntries(entries) }),
  };
  const transactions = [transaction] as NonNullable<TestClientOptions['transactions']>;
  await new BalanceClient({ ...options, transactions }).close();
}
