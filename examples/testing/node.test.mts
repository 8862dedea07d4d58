// Tests with node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestClient } from 'dynamodb-balance/testing';

import { pay } from './checkout.ts';

const ORDER = { id: 'order-17', userId: 'alice', amount: '30.00' };

test('an order that is covered is paid', async () => {
  const client = createTestClient({ balances: { alice: '50.00' } });

  assert.equal(await pay(client, ORDER), 'paid');
  assert.equal(await client.getCurrentBalance({ userId: 'alice' }), 20);
});

test('an order that is not covered is declined, and nothing is recorded', async () => {
  const client = createTestClient({ balances: { alice: '29.99' } });

  assert.equal(await pay(client, ORDER), 'declined');
  assert.deepEqual(client.transactions(), []);
});

test('an order whose answer is lost is paid once', async () => {
  const client = createTestClient();
  client.scriptOutcome({ code: 'OUTCOME_UNKNOWN', tookEffect: true });

  assert.equal(await pay(client, ORDER), 'paid');
  assert.equal(client.transactions().length, 1);
  assert.deepEqual(client.unusedOutcomes(), []);
});
