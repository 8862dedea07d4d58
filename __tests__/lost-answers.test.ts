// An attempt whose answer did not arrive may have happened. Nothing is lost, nothing is doubled,
// and no call is told that it is the duplicate of itself.

import { BalanceClient } from 'dynamodb-balance';

import { fresh, recordsOf } from './harness/tables';
import { cancelled, openWire, type Reaction, serviceError, type Wire } from './harness/wire';

let wire: Wire;

afterEach(() => wire.close());

/** A credit of 1, through a wire that does this to its first requests and then works. */
async function creditThrough(...reactions: Reaction[]): Promise<string> {
  wire = await openWire((index) => reactions[index] ?? 'forward');
  const client = new BalanceClient({ endpoint: wire.endpoint });
  const userId = fresh('user');
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });
  return userId;
}

function tokens(): string[] {
  return wire.passed.map(({ body }) => JSON.parse(body).ClientRequestToken as string);
}

const FAULTS: Reaction[] = [
  'lose the request',
  'lose the answer',
  'cut the answer',
  serviceError('InternalServerError', {}, 500),
  { status: 200, body: '<html>garbage' },
  { status: 502, body: '<html>Bad Gateway</html>' },
];

describe.each(FAULTS)('after %p', (fault) => {
  test('the call succeeds and has one effect', async () => {
    const userId = await creditThrough(fault);

    expect(await recordsOf(userId)).toHaveLength(1);
    await expect(new BalanceClient().getCurrentBalance({ userId })).resolves.toBe(101);
  });

  test('the repetition has the same token and the same bytes', async () => {
    await creditThrough(fault, fault, fault);

    expect(wire.passed).toHaveLength(4);
    expect(new Set(wire.passed.map(({ body }) => body)).size).toBe(1);
  });
});

test('a commit whose answer was lost before a conflict is a success, not a duplicate', async () => {
  const userId = await creditThrough('lose the answer', cancelled('None', 'TransactionConflict'));

  expect(wire.passed).toHaveLength(3);
  expect(await recordsOf(userId)).toHaveLength(1);
});

test('an attempt after a cancelled one is a new request with a new token', async () => {
  await creditThrough(cancelled('None', 'TransactionConflict'));

  expect(new Set(tokens()).size).toBe(2);
});

test('a transaction in progress is asked for again with the same token', async () => {
  await creditThrough('lose the answer', serviceError('TransactionInProgressException'));

  expect(new Set(tokens()).size).toBe(1);
});

test('another call with the same key is told that it is a duplicate', async () => {
  wire = await openWire((index) => (index === 0 ? 'lose the answer' : 'forward'));
  const client = new BalanceClient({ endpoint: wire.endpoint });
  const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 1 };
  await client.transact({ ...input, type: 'credit' });

  await expect(client.transact({ ...input, type: 'credit' })).rejects.toMatchObject({
    code: 'DUPLICATE_TRANSACTION',
  });
});
