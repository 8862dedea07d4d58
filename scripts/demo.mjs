// npm run demo: sets up everything, then tells the story of an account on DynamoDB Local.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import process from 'node:process';

import { ENVIRONMENT, startDynamoDbLocal } from './dynamodb-local.mjs';
import { setUp, step } from './setup.mjs';

const DEBITS = 1000;

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
  await tellStory();
} finally {
  await local.stop();
}
say(`DynamoDB Local is stopped. All of it took ${since(started)}.`);

async function tellStory() {
  // Only here: before the set-up there is no addon.
  /** @type {typeof import('../index.js')} */
  const { BalanceClient, getCurrentBalance, transact } = createRequire(import.meta.url)('..');
  const userId = 'alice';
  const balance = async () => say(`balance of ${userId}: ${await getCurrentBalance({ userId })}`);

  step('Making the tables UserBalances and Transactions');
  await new BalanceClient().createTables();
  say('both are active');

  step('A user nobody has seen before has the default balance');
  await balance();

  step('A credit of 50.25');
  const credit = /** @type {const} */ ({
    idempotentKey: randomUUID(),
    userId,
    amount: 50.25,
    type: 'credit',
  });
  await transact(credit);
  await balance();

  step('A debit of 30.1');
  await transact({ idempotentKey: randomUUID(), userId, amount: 30.1, type: 'debit' });
  await balance();

  step('The same credit again, with the same key');
  await expectRefusal(transact(credit));
  await balance();

  step('A debit larger than the balance');
  await expectRefusal(
    transact({ idempotentKey: randomUUID(), userId, amount: 1000, type: 'debit' }),
  );
  await balance();

  await race(transact, getCurrentBalance);
}

/** @param {Promise<void>} call */
async function expectRefusal(call) {
  try {
    await call;
  } catch (error) {
    const { code, message } = /** @type {import('../index.js').BalanceError} */ (error);
    say(`${code}: ${message}`);
    return;
  }
  throw new Error('it should have been refused');
}

/**
 * Many debits at once, of which the balance covers some: exactly those pass.
 *
 * @param {typeof import('../index.js').transact} transact
 * @param {typeof import('../index.js').getCurrentBalance} getCurrentBalance
 */
async function race(transact, getCurrentBalance) {
  const userId = 'bob';
  const amount = 0.25;
  step(`${DEBITS} debits of ${amount} at once, on one account with a balance of 100`);
  const raceStarted = performance.now();
  let answered = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: DEBITS }, async () => {
      try {
        await transact({ idempotentKey: randomUUID(), userId, amount, type: 'debit' });
      } finally {
        answered += 1;
        showProgress(answered);
      }
    }),
  );
  const passed = outcomes.filter(({ status }) => status === 'fulfilled').length;
  const balance = await getCurrentBalance({ userId });
  say(`${passed} passed and ${DEBITS - passed} were refused, in ${since(raceStarted)}`);
  const records = await countRecords(userId);
  say(`${records} records of ${amount} and a balance of ${balance}`);
  if (passed !== 400 || records !== passed || 100 - records * amount !== balance) {
    throw new Error('records and balance do not add up');
  }
  say('records and balance add up: 100 - 400 x 0.25 = 0');
}

/** @param {number} answered */
function showProgress(answered) {
  if (process.stdout.isTTY) {
    process.stdout.write(answered < DEBITS ? `\r  ${answered} of ${DEBITS} answered` : '\r\x1b[K');
  }
}

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
