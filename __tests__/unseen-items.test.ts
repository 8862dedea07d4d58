// Older emulators, and proxies that shorten answers, refuse a condition without telling what is there.
// Nobody is accused of anything that was not seen.

import { BalanceClient } from 'dynamodb-balance';

import { rejection, request } from './harness/calls';
import { fresh } from './harness/tables';
import { cancelled, openWire, type Wire } from './harness/wire';

let wire: Wire;

afterEach(() => wire.close());

async function clientWithoutItems(): Promise<BalanceClient> {
  wire = await openWire(() => 'hide the items');
  return new BalanceClient({ endpoint: wire.endpoint });
}

test('the very same request is a duplicate', async () => {
  const client = await clientWithoutItems();
  const input = request();
  await client.transact(input);
  expect((await rejection(client.transact(input))).code).toBe('DUPLICATE_TRANSACTION');
});

test('another request under the same key is told which fields differ', async () => {
  const client = await clientWithoutItems();
  const input = request();
  await client.transact(input);
  const error = await rejection(client.transact({ ...input, amount: input.amount + 1 }));
  expect(error.code).toBe('IDEMPOTENT_KEY_REUSED');
  expect(error.message).toContain('another amount;');
});

test('a debit that the balance does not cover is refused', async () => {
  const client = await clientWithoutItems();
  const userId = fresh('user');
  await client.transact(request({ userId, amount: 90, type: 'debit' }));
  const error = await rejection(client.transact(request({ userId, amount: 50, type: 'debit' })));
  expect(error.code).toBe('INSUFFICIENT_BALANCE');
});

test('a call whose own answer was lost is a success', async () => {
  // The token is new, as if the service had forgotten the first one.
  const used = cancelled('ConditionalCheckFailed', 'None');
  wire = await openWire((index, { operation }) => {
    if (index === 0) {
      return 'lose the answer';
    }
    return operation === 'TransactWriteItems' ? used : 'forward';
  });
  const client = new BalanceClient({ endpoint: wire.endpoint });
  const input = request();
  await expect(client.transact(input)).resolves.toBeUndefined();
  await expect(client.getCurrentBalance(input)).resolves.toBe(150);
});

test('what cannot be read either is unknown', async () => {
  wire = await openWire(() => cancelled('ConditionalCheckFailed', 'None'));
  const error = await rejection(new BalanceClient({ endpoint: wire.endpoint }).transact(request()));
  expect(error.code).toBe('OUTCOME_UNKNOWN');
  expect(error.message).toContain('could not be read');
});
