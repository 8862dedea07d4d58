// client.stats(): what a client has done and does, counted.

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import {
  cancelled,
  openHangingWire,
  openWire,
  type Reaction,
  serviceError,
  type Wire,
} from './harness/wire';

const NOTHING = {
  heldCalls: 0,
  waitingCalls: 0,
  requestsInFlight: 0,
  attempts: 0,
  committedRequests: 0,
  committedCalls: 0,
  conflicts: 0,
  throttled: 0,
  unanswered: 0,
  notTaken: 0,
  endedEpochs: 0,
};

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

async function clientOn(...reactions: Reaction[]): Promise<BalanceClient> {
  wire = await openWire((index) => reactions[index] ?? 'forward');
  return new BalanceClient({ endpoint: wire.endpoint });
}

function credit(userId: string) {
  return { idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' as const };
}

test('a client that was only made has done nothing', () => {
  expect(new BalanceClient().stats()).toEqual(NOTHING);
});

test('calls that travel together are one request', async () => {
  const client = await clientOn();
  const user = fresh('user');
  await Promise.all(Array.from({ length: 3 }, () => client.transact(credit(user))));
  await client.close();

  expect(client.stats()).toEqual({
    ...NOTHING,
    attempts: 1,
    committedRequests: 1,
    committedCalls: 3,
  });
});

test('attempts that are repeated are counted by their reason', async () => {
  const client = await clientOn(
    cancelled('TransactionConflict', 'None'),
    serviceError('ProvisionedThroughputExceededException'),
    'lose the answer',
  );
  await client.transact(credit(fresh('user')));
  await client.close();

  expect(client.stats()).toMatchObject({
    attempts: 4,
    conflicts: 1,
    throttled: 1,
    unanswered: 1,
    notTaken: 0,
    heldCalls: 0,
    requestsInFlight: 0,
  });
});

test('reads are counted as attempts, and commit nothing', async () => {
  const client = await clientOn();
  await client.getBalance({ userId: fresh('user') });
  await client.close();

  expect(client.stats()).toEqual({ ...NOTHING, attempts: 1 });
});

test('an epoch that was ended before a refusal is counted', async () => {
  const client = await clientOn('lose the request');
  const debit = { ...credit(fresh('user')), amount: 101, type: 'debit' as const };
  await expect(client.transact(debit)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
  await client.close();

  expect(client.stats()).toMatchObject({ unanswered: 1, endedEpochs: 1, committedCalls: 0 });
});

test('who travels is told from who waits', async () => {
  const hanging = await openHangingWire();
  wire = hanging;
  const client = new BalanceClient({ endpoint: hanging.endpoint, callTimeout: 1000 });
  const user = fresh('user');
  const first = client.transact(credit(user));
  await hanging.arrival;
  const second = client.transact(credit(user));
  await Promise.resolve();

  expect(client.stats()).toMatchObject({ heldCalls: 2, waitingCalls: 1, requestsInFlight: 1 });
  await Promise.allSettled([first, second]);
  expect(client.stats()).toMatchObject({ heldCalls: 0, waitingCalls: 0 });
});
