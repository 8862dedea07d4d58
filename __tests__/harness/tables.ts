// The two tables as they are, seen with the AWS SDK and not with the package under test.

import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

/**
 * Tests of what tables in memory cannot have: items as only another program stores them, several processes, a network.
 * The others run on both, so that one cannot drift away from the other.
 */
export const inDynamoDb = { describe, test };

const client = new DynamoDBClient({});

afterAll(() => client.destroy());

/** A name that nobody used before: users and keys of one test are no other test's business. */
export function fresh(word: string): string {
  return `${word}-${randomUUID()}`;
}

/** The balance item of a user. */
export async function balanceItem(userId: string): Promise<Item | undefined> {
  return await item('UserBalances', { userId: { S: userId } });
}

/** The record under a key. */
export async function record(idempotentKey: string): Promise<Item | undefined> {
  return await item('Transactions', { idempotentKey: { S: idempotentKey } });
}

/** Stores a balance item as somebody else might have. */
export async function putBalanceItem(item: Item): Promise<void> {
  await client.send(new PutItemCommand({ TableName: 'UserBalances', Item: item }));
}

/** Stores a record as somebody else might have. */
export async function putRecord(item: Item): Promise<void> {
  await client.send(new PutItemCommand({ TableName: 'Transactions', Item: item }));
}

/** All records of a user. */
export async function recordsOf(userId: string): Promise<Item[]> {
  const found: Item[] = [];
  let start: Item | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName: 'Transactions',
        FilterExpression: 'userId = :userId',
        ExpressionAttributeValues: { ':userId': { S: userId } },
        ConsistentRead: true,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );
    found.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return found;
}

async function item(table: string, key: Item): Promise<Item | undefined> {
  const output = await client.send(
    new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }),
  );
  return output.Item;
}
