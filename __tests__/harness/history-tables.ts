// Tables of a test's own, with the index that the history is read from: records of any shape are
// written there, which the index would refuse in the tables that all tests share.

import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { BalanceClient } from 'dynamodb-balance';

import { fresh, type Item } from './tables';

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
