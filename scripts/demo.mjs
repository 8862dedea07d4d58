// npm run demo: sets up everything, then tells the story of an account on DynamoDB Local.

import { createRequire } from 'node:module';
import process from 'node:process';

import { ENVIRONMENT, startDynamoDbLocal } from './dynamodb-local.mjs';
import { setUp, step } from './setup.mjs';

/** @param {string} text */
function say(text) {
  process.stdout.write(`  ${text}\n`);
}

/** @param {number} started by `performance.now()` */
function since(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

const started = performance.now();
setUp();

step('Starting DynamoDB Local');
const local = await startDynamoDbLocal();
Object.assign(process.env, ENVIRONMENT, {
  AWS_ENDPOINT_URL_DYNAMODB: local.endpoint,
  // The AWS SDK for JavaScript, which counts the records, need not advertise newer Node versions.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
});
say(`listening at ${local.endpoint}`);
try {
  // Only here: before the set-up there is no addon.
  const require = createRequire(import.meta.url);
  /** @type {typeof import('../index.js')} */
  const { BalanceClient } = require('..');
  const { tellStory } = require('../cli/story.js');
  const client = new BalanceClient();
  step('Making the tables UserBalances and Transactions');
  await client.createTables();
  say('both are active');
  await tellStory(client, { step, say, countRecords });
} finally {
  await local.stop();
}
say(`DynamoDB Local is stopped. All of it took ${since(started)}.`);

/** @param {string} userId */
async function countRecords(userId) {
  const { DynamoDBClient, paginateScan } = await import('@aws-sdk/client-dynamodb');
  const client = new DynamoDBClient({});
  let records = 0;
  const scan = {
    TableName: 'Transactions',
    FilterExpression: 'userId = :userId',
    ExpressionAttributeValues: { ':userId': { S: userId } },
    ConsistentRead: true,
  };
  for await (const page of paginateScan({ client }, scan)) {
    records += page.Count ?? 0;
  }
  client.destroy();
  return records;
}
