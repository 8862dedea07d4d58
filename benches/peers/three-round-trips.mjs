// The old algorithm: read the record, read the balance, compute, write both. Two calls at once read
// the same balance, and one of them is lost: it is here to show what it costs, not to be used.

import { GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';

import { retrying } from './retry.mjs';
import { makeClient, readBalance } from './sdk-v3.mjs';

/**
 * @param {import('./peer.d.ts').PeerOptions} options
 * @returns {import('./peer.d.ts').Peer}
 */
export function open(options) {
  const client = makeClient(options);
  return {
    getCurrentBalance: ({ userId }) => retrying(() => readBalance(client, userId)),
    transact: (transaction) => transact(client, transaction),
    // It knows no groups.
    createTransactions: async ({ transactions }) => {
      for (const transaction of transactions) {
        await transact(client, transaction);
      }
    },
    createHold: refuse,
    captureHold: refuse,
  };
}

async function refuse() {
  throw new Error('it knows no holds');
}

/**
 * @param {import('@aws-sdk/client-dynamodb').DynamoDBClient} client
 * @param {import('./peer.d.ts').Transaction} transaction
 */
async function transact(client, { idempotentKey, userId, amount, type }) {
  const record = await retrying(() =>
    client.send(
      new GetItemCommand({
        TableName: 'Transactions',
        Key: { idempotentKey: { S: idempotentKey } },
        ConsistentRead: true,
      }),
    ),
  );
  if (record.Item !== undefined) {
    throw new Error('Duplicate transaction');
  }
  const balance = await retrying(() => readBalance(client, userId));
  if (type === 'debit' && balance < amount) {
    throw new Error('Insufficient balance');
  }
  const sum = type === 'credit' ? balance + amount : balance - amount;
  const write = new TransactWriteItemsCommand({
    TransactItems: [
      {
        Put: {
          TableName: 'Transactions',
          Item: {
            idempotentKey: { S: idempotentKey },
            userId: { S: userId },
            amount: { N: String(amount) },
            type: { S: type },
            timestamp: { S: new Date().toISOString() },
          },
        },
      },
      {
        Put: {
          TableName: 'UserBalances',
          Item: { userId: { S: userId }, balance: { N: String(sum) } },
        },
      },
    ],
  });
  await retrying(() => client.send(write));
}
