// Tests with Vitest.

import { createTestClient, type TestModule } from 'dynamodb-balance/testing';
import { expect, test, vi } from 'vitest';

import { pay } from './checkout.ts';
import { welcome } from './welcome.ts';

// For code that is handed no client: the whole package, on tables in memory.
vi.mock('dynamodb-balance', async () =>
  (await import('dynamodb-balance/testing')).createTestModule(),
);
const { testClient } = (await import('dynamodb-balance')) as unknown as TestModule;

const ORDER = { id: 'order-17', userId: 'alice', amount: '30.00' };

test('an order that is covered is paid', async () => {
  const client = createTestClient({ balances: { alice: '50.00' } });

  expect(await pay(client, ORDER)).toBe('paid');
  expect(await client.getCurrentBalance({ userId: 'alice' })).toBe(20);
});

test('an order that is not covered is declined, and nothing is recorded', async () => {
  const client = createTestClient({ balances: { alice: '29.99' } });

  expect(await pay(client, ORDER)).toBe('declined');
  expect(client.transactions()).toEqual([]);
});

test('an order whose answer is lost is paid once', async () => {
  const client = createTestClient();
  client.scriptOutcome({ code: 'OUTCOME_UNKNOWN', tookEffect: true });

  expect(await pay(client, ORDER)).toBe('paid');
  expect(client.transactions().length).toBe(1);
  expect(client.unusedOutcomes()).toEqual([]);
});

test('a new user is given 10', async () => {
  await welcome('bob');

  expect(await testClient.getCurrentBalance({ userId: 'bob' })).toBe(110);
});
