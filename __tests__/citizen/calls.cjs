// Calls to the stand-in, each with the only outcome that is right for it.

const assert = require('node:assert/strict');

const { BalanceClient } = require('../..');

/** @typedef {import('../..').BalanceClient} Client */

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'secret' };

/**
 * @param {string} endpoint
 * @param {import('../..').BalanceClientOptions} [changes]
 */
function clientOf(endpoint, changes = {}) {
  return new BalanceClient({
    endpoint,
    region: 'us-east-1',
    credentials: CREDENTIALS,
    ...changes,
  });
}

/** @typedef {'commit' | 'duplicate' | 'insufficient' | 'balance' | 'absent'} Kind */

/** A mixture of successes, refusals with items, and reads. @type {Kind[]} */
const MIXTURE = ['commit', 'commit', 'duplicate', 'insufficient', 'balance', 'absent'];

let calls = 0;

/**
 * One call, which throws if the outcome is another than the stand-in's.
 *
 * @param {Client} client
 * @param {Kind} kind
 * @param {string} rest of the name
 */
async function callAndCheck(client, kind, rest) {
  const name = `${kind}-${rest}`;
  if (kind === 'balance' || kind === 'absent') {
    assert.equal(await client.getCurrentBalance({ userId: name }), kind === 'balance' ? 0.25 : 100);
    return;
  }
  // One user for each kind: what travels together comes to the same. And a key for each call.
  calls += 1;
  const idempotentKey = `${name}-${calls}`;
  const call = client.transact({ idempotentKey, userId: kind, amount: 1, type: 'debit' });
  if (kind === 'commit') {
    assert.equal(await call, undefined);
    return;
  }
  const code = kind === 'duplicate' ? 'DUPLICATE_TRANSACTION' : 'INSUFFICIENT_BALANCE';
  await assert.rejects(call, { name: 'BalanceError', code });
}

/**
 * The call with this number, of the mixture.
 *
 * @param {Client} client
 * @param {number} number
 * @param {string} [rest]
 */
async function mixedCall(client, number, rest = String(number)) {
  await callAndCheck(client, MIXTURE[number % MIXTURE.length] ?? 'commit', rest);
}

/**
 * Calls that are never answered. Their promises are left alone: whatever becomes of them is not
 * the caller's business any more.
 *
 * @param {Client} client
 * @param {number} count
 */
function leaveUnanswered(client, count) {
  for (let number = 0; number < count; number += 1) {
    const name = `never-${number}`;
    const call =
      number % 2 === 0
        ? client.getCurrentBalance({ userId: name })
        : client.transact({ idempotentKey: name, userId: 'never', amount: 1, type: 'credit' });
    call.catch(() => undefined);
  }
}

module.exports = { callAndCheck, clientOf, leaveUnanswered, mixedCall };
