// The same two functions on the AWS SDK for JavaScript, version 3, as carefully as it goes without
// lanes: one transaction per call, a token, retries, enough connections that stay open.

import { randomUUID } from 'node:crypto';

import {
  DynamoDBClient,
  GetItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';

import { retrying } from './retry.mjs';

const DEFAULT_BALANCE = 100;

/**
 * @param {import('./peer.d.ts').PeerOptions} options
 * @returns {import('./peer.d.ts').Peer}
 */
export function open(options) {
  const client = makeClient(options);
  return {
    getCurrentBalance: ({ userId }) => retrying(() => readBalance(client, userId)),
    transact: (transaction) => write(client, [transaction]),
    createTransactions: ({ transactions }) => write(client, transactions),
    createHold: (hold) => send(client, openHold({ ...hold, type: 'debit' })),
    captureHold: (capture) => captureHold(client, capture),
  };
}

/** @param {import('./peer.d.ts').PeerOptions} options */
export function makeClient({ endpoint, callers }) {
  const agent = { keepAlive: true, maxSockets: callers };
  return new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    requestHandler: { httpAgent: agent, httpsAgent: agent },
    maxAttempts: 1,
  });
}

/**
 * @param {DynamoDBClient} client
 * @param {string} userId
 */
export async function readBalance(client, userId) {
  const { Item: item } = await client.send(
    new GetItemCommand({
      TableName: 'UserBalances',
      Key: { userId: { S: userId } },
      ProjectionExpression: 'balance',
      ConsistentRead: true,
    }),
  );
  return Number(item?.['balance']?.N ?? DEFAULT_BALANCE);
}

/**
 * Transactions of different users, all or none.
 *
 * @param {DynamoDBClient} client
 * @param {import('./peer.d.ts').Transaction[]} transactions
 */
async function write(client, transactions) {
  await send(client, [...transactions.map(putRecord), ...transactions.map(moveBalance)]);
}

/**
 * @param {DynamoDBClient} client
 * @param {import('@aws-sdk/client-dynamodb').TransactWriteItem[]} actions
 */
async function send(client, actions) {
  let token = '';
  await retrying(async (answered) => {
    // An attempt without an answer may have happened: the same token again.
    token = answered ? randomUUID() : token;
    await client.send(
      new TransactWriteItemsCommand({ TransactItems: actions, ClientRequestToken: token }),
    );
  });
}

/** @param {import('./peer.d.ts').Transaction} transaction */
function putRecord({ idempotentKey, userId, amount, type }) {
  return {
    Put: {
      TableName: 'Transactions',
      Item: {
        idempotentKey: { S: idempotentKey },
        userId: { S: userId },
        amount: { N: String(amount) },
        type: { S: type },
        timestamp: { S: new Date().toISOString() },
      },
      ConditionExpression: 'attribute_not_exists(idempotentKey)',
      ReturnValuesOnConditionCheckFailure: /** @type {const} */ ('ALL_OLD'),
    },
  };
}

/** @param {import('./peer.d.ts').Transaction} transaction */
function moveBalance({ userId, amount, type }) {
  const sign = type === 'credit' ? '+' : '-';
  return {
    Update: {
      TableName: 'UserBalances',
      Key: { userId: { S: userId } },
      UpdateExpression: `SET balance = if_not_exists(balance, :default) ${sign} :amount`,
      ...(type === 'debit' && {
        ConditionExpression:
          amount <= DEFAULT_BALANCE
            ? 'attribute_not_exists(balance) OR balance >= :amount'
            : 'balance >= :amount',
      }),
      ExpressionAttributeValues: {
        ':default': { N: String(DEFAULT_BALANCE) },
        ':amount': { N: String(amount) },
      },
      ReturnValuesOnConditionCheckFailure: /** @type {const} */ ('ALL_OLD'),
    },
  };
}

/**
 * A debit that can be given back, and the sum of those on the balance's item.
 *
 * @param {import('./peer.d.ts').Transaction} debit
 */
function openHold(debit) {
  const { Put } = putRecord(debit);
  const { Update } = moveBalance(debit);
  return [
    { Put: { ...Put, Item: { ...Put.Item, holdState: { S: 'open' } } } },
    { Update: withHeld(Update, debit.amount) },
  ];
}

/**
 * @param {ReturnType<typeof moveBalance>['Update']} update
 * @param {number} amount
 */
function withHeld(update, amount) {
  return {
    ...update,
    UpdateExpression: `${update.UpdateExpression}, held = if_not_exists(held, :zero) + :held`,
    ExpressionAttributeValues: {
      ...update.ExpressionAttributeValues,
      ':zero': { N: '0' },
      ':held': { N: String(amount) },
    },
  };
}

/**
 * @param {DynamoDBClient} client
 * @param {{ idempotentKey: string, hold: string, amount: number }} capture
 */
async function captureHold(client, { idempotentKey, hold, amount }) {
  const Key = { idempotentKey: { S: hold } };
  const { Item: record } = await retrying(() =>
    client.send(new GetItemCommand({ TableName: 'Transactions', Key, ConsistentRead: true })),
  );
  const held = Number(record?.['amount']?.N);
  const userId = String(record?.['userId']?.S);
  // As many digits as it has, and not those of a sum in binary floating point.
  const rest = Number((held - amount).toFixed(8));
  const credit = /** @type {const} */ ({ idempotentKey, userId, amount: rest, type: 'credit' });
  await send(client, [
    putRecord(credit),
    {
      Update: {
        TableName: 'Transactions',
        Key,
        UpdateExpression: 'SET holdState = :captured',
        ConditionExpression: 'holdState = :open',
        ExpressionAttributeValues: { ':captured': { S: 'captured' }, ':open': { S: 'open' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    { Update: withHeld(moveBalance(credit).Update, -held) },
  ]);
}
