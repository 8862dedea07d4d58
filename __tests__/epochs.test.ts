// The number on a balance that keeps late requests out (docs/protocol.md): it costs nothing, does
// not grow, and whatever somebody else has put in its place does no harm.

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { BalanceClient } from 'dynamodb-balance';

import { balanceItem, fresh, putBalanceItem } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

const HOUR = 3_600_000;

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

function credit(userId: string) {
  return { idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' } as const;
}

function debit(userId: string) {
  return { idempotentKey: fresh('key'), userId, amount: 1000, type: 'debit' } as const;
}

test('a thousand doubtful refusals leave one number', async () => {
  // The first request with each key is lost, so that every refusal has to exclude it.
  const seen = new Set<string>();
  wire = await openWire((_, { body }) => {
    const keys: string[] = JSON.parse(body).TransactItems.flatMap(
      ({ Put }: { Put?: { Item: { idempotentKey: { S: string } } } }) =>
        Put === undefined ? [] : [Put.Item.idempotentKey.S],
    );
    const isFirst = keys.some((key) => !seen.has(key));
    for (const key of keys) {
      seen.add(key);
    }
    return isFirst ? 'lose the request' : 'forward';
  });
  const client = new BalanceClient({ endpoint: wire.endpoint });
  const userId = fresh('user');
  await new BalanceClient().transact(credit(userId));
  for (let round = 0; round < 10; round += 1) {
    const refused = Array.from({ length: 100 }, () => client.transact(debit(userId)));
    for (const outcome of await Promise.allSettled(refused)) {
      expect(outcome).toMatchObject({ reason: { code: 'INSUFFICIENT_BALANCE' } });
    }
  }

  const item = await balanceItem(userId);

  expect(Object.keys(item ?? {}).sort()).toEqual(['balance', 'epoch', 'userId']);
  expect(item?.['epoch']?.N).toMatch(/^\d{13}$/);
});

test('what earlier versions kept there is gone after one ordinary write', async () => {
  const userId = fresh('user');
  const fencedCalls = Array.from({ length: 1000 }, () => fresh('call'));
  await putBalanceItem({
    userId: { S: userId },
    balance: { N: '100' },
    fencedCalls: { SS: fencedCalls },
  });

  await new BalanceClient().transact(credit(userId));

  await expect(balanceItem(userId)).resolves.toEqual({
    userId: { S: userId },
    balance: { N: '101' },
    epoch: { N: expect.stringMatching(/^\d{13}$/) },
  });
});

const FOREIGN: [string, AttributeValue][] = [
  ['a text', { S: 'spring' }],
  ['nothing', { NULL: true }],
  ['a list', { L: [{ N: '1' }] }],
  ['a fraction', { N: `${Date.now() - HOUR}.5` }],
  ['a fraction of the next second', { N: `${Date.now() + 1000}.5` }],
  ['a huge number', { N: '9.9e125' }],
  ['more than 64 bits', { N: '18446744073709551616' }],
  ['a small fraction', { N: '1e-130' }],
  ['a negative number', { N: '-1' }],
  ['a time in a day', { N: String(Date.now() + 24 * HOUR) }],
  ['a time in half an hour', { N: String(Date.now() + HOUR / 2) }],
];

describe.each(FOREIGN)('with %s as the epoch', (_name, epoch) => {
  test('money moves and debits are refused', async () => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, balance: { N: '5' }, epoch });
    const client = new BalanceClient();

    await client.transact(credit(userId));
    await expect(client.transact(debit(userId))).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    });
    await expect(client.getCurrentBalance({ userId })).resolves.toBe(6);
  });

  test('a refusal after a lost request is told', async () => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, balance: { N: '5' }, epoch });
    wire = await openWire((index) => (index === 0 ? 'lose the request' : 'forward'));
    const client = new BalanceClient({ endpoint: wire.endpoint });

    await expect(client.transact(debit(userId))).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    });
    await expect(balanceItem(userId)).resolves.toMatchObject({ balance: { N: '5' } });
  });
});
