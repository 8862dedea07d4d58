// The two tables in memory, in the words of `tables.ts`. What only another program writes, a balance that is no
// number for one, cannot be there.

import { randomUUID } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as module from 'dynamodb-balance';

import type { TestModule, Transaction } from '../../testing';
import { plain } from './decimal';

export type Item = Record<string, AttributeValue>;

const { testClient, BalanceClient } = module as unknown as TestModule;

export const inDynamoDb = { describe: describe.skip, test: test.skip };

export function fresh(word: string): string {
  return `${word}-${randomUUID()}`;
}

export async function balanceItem(userId: string): Promise<Item | undefined> {
  const { exists, balance, held } = await testClient.getBalance({ userId });
  const isHeld = Number(held) !== 0;
  return exists
    ? { userId: { S: userId }, balance: { N: balance }, ...(isHeld && { held: { N: held } }) }
    : undefined;
}

export async function record(idempotentKey: string): Promise<Item | undefined> {
  return testClient
    .transactions()
    .filter((transaction) => transaction.idempotentKey === idempotentKey)
    .map(toItem)[0];
}

export async function putBalanceItem({ userId, balance, ...others }: Item): Promise<void> {
  if (userId?.S === undefined || balance?.N === undefined || Object.keys(others).length > 0) {
    throw new Error('only a balance can be stored in memory');
  }
  const seeded = new BalanceClient({ balances: { [userId.S]: plain(balance.N) } });
  await seeded.close();
}

export async function putRecord(item: Item): Promise<void> {
  throw new Error(
    `a record of another program cannot be stored in memory: ${JSON.stringify(item)}`,
  );
}

export async function recordsOf(userId: string): Promise<Item[]> {
  return testClient
    .transactions()
    .filter((transaction) => transaction.userId === userId)
    .map(toItem);
}

function toItem({ amount, capturedAmount, metadata, ...texts }: Transaction): Item {
  const item: Item = { amount: { N: amount } };
  for (const [name, text] of Object.entries(texts)) {
    item[name] = { S: text };
  }
  if (texts.holdState === 'open') {
    item.openUntil = { S: texts.expiresAt ?? 'never' };
  }
  if (capturedAmount !== undefined) {
    item.capturedAmount = { N: capturedAmount };
  }
  if (metadata !== undefined) {
    const entries = Object.entries(metadata).map(([name, text]) => [name, { S: text }]);
    item.metadata = { M: Object.fromEntries(entries) };
  }
  return item;
}
