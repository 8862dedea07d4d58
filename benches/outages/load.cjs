// A process that calls, on and on, and tells what became of each call. Who calls is this package, or
// the AWS SDK for JavaScript with nothing set but where to go and as whom.

const { randomUUID } = require('node:crypto');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

/**
 * `pause`: between two calls of a caller, in milliseconds. `slowCredentials`: how long they take.
 * `kinds`: what callers do, in turns.
 *
 * @typedef {object} Work
 * @property {'package' | 'sdk'} peer
 * @property {string} endpoint
 * @property {string[]} users one for each caller
 * @property {('transact' | 'read')[]} kinds
 * @property {number} pause
 * @property {number} slowCredentials
 *
 * @typedef {object} Peer
 * @property {(userId: string) => Promise<unknown>} transact
 * @property {(userId: string) => Promise<unknown>} read
 *
 * A call: its caller, what it was, when it began and ended by the machine's monotonic clock in
 * milliseconds, and `OK` or a code.
 *
 * @typedef {{ caller: number, kind: 'transact' | 'read', began: number, ended: number,
 *   code: string }} Call
 */

/** How often outcomes are told, in milliseconds. */
const TELLING = 100;

let isResting = false;
/** @type {Call[]} */
let calls = [];

process.on('disconnect', () => process.exit());
process.on('message', (/** @type {Work | 'rest' | 'go on'} */ message) => {
  if (typeof message === 'string') {
    isResting = message === 'rest';
    return;
  }
  const peer = message.peer === 'package' ? openPackage(message) : openSdk(message);
  for (const [caller, user] of message.users.entries()) {
    void call(peer, message, caller, user);
  }
});
setInterval(() => {
  process.send?.(calls);
  calls = [];
}, TELLING);

/**
 * @param {Peer} peer
 * @param {Work} work
 * @param {number} caller
 * @param {string} user
 */
async function call(peer, { kinds, pause }, caller, user) {
  for (let turn = caller; ; turn += 1) {
    while (isResting) {
      await sleep(1);
    }
    const kind = kinds[turn % kinds.length] ?? 'read';
    const began = now();
    const code = await peer[kind](user).then(
      () => 'OK',
      (error) => String(error.code ?? error.name),
    );
    calls.push({ caller, kind, began, ended: now(), code });
    await sleep(pause);
  }
}

function now() {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/**
 * The accessKeyId says who it is.
 *
 * @param {Work} work
 */
function credentialsOf({ peer, slowCredentials }) {
  const credentials = { accessKeyId: peer, secretAccessKey: 'local' };
  if (slowCredentials === 0) {
    return credentials;
  }
  return async () => {
    await sleep(slowCredentials);
    return credentials;
  };
}

/**
 * @param {Work} work
 * @returns {Peer}
 */
function openPackage(work) {
  const { BalanceClient } = require('../..');
  const client = new BalanceClient({
    endpoint: work.endpoint,
    region: 'us-east-1',
    credentials: credentialsOf(work),
  });
  return {
    transact: (userId) =>
      client.transact({ idempotentKey: randomUUID(), userId, amount: 1, type: 'credit' }),
    read: (userId) => client.getCurrentBalance({ userId }),
  };
}

/**
 * @param {Work} work
 * @returns {Peer}
 */
function openSdk(work) {
  const sdk = require('@aws-sdk/client-dynamodb');
  const client = new sdk.DynamoDBClient({
    endpoint: work.endpoint,
    region: 'us-east-1',
    credentials: credentialsOf(work),
  });
  return {
    transact: (userId) => client.send(new sdk.TransactWriteItemsCommand(credit(userId))),
    read: (userId) =>
      client.send(
        new sdk.GetItemCommand({
          TableName: 'UserBalances',
          Key: { userId: { S: userId } },
          ConsistentRead: true,
        }),
      ),
  };
}

/** @param {string} userId */
function credit(userId) {
  return {
    ClientRequestToken: randomUUID(),
    TransactItems: [
      {
        Put: {
          TableName: 'Transactions',
          Item: { idempotentKey: { S: randomUUID() }, userId: { S: userId }, amount: { N: '1' } },
          ConditionExpression: 'attribute_not_exists(idempotentKey)',
        },
      },
      {
        Update: {
          TableName: 'UserBalances',
          Key: { userId: { S: userId } },
          UpdateExpression: 'SET balance = if_not_exists(balance, :default) + :amount',
          ExpressionAttributeValues: { ':default': { N: '100' }, ':amount': { N: '1' } },
        },
      },
    ],
  };
}

module.exports = {};
