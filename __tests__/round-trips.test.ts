// One call is one round trip, counted at the wire.

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

interface TransactBody {
  ClientRequestToken: string;
  TransactItems: Record<string, { ReturnValuesOnConditionCheckFailure: string }>[];
}

let wire: Wire;
let client: BalanceClient;

beforeEach(async () => {
  wire = await openWire();
  client = new BalanceClient({ endpoint: wire.endpoint });
});

afterEach(() => wire.close());

test('reading a balance is one GetItem', async () => {
  await client.getCurrentBalance({ userId: fresh('user') });

  expect(wire.passed.map(({ operation }) => operation)).toEqual(['GetItem']);
});

test('the read is strongly consistent', async () => {
  await client.getCurrentBalance({ userId: fresh('user') });

  expect(JSON.parse(wire.passed[0]?.body ?? '')).toMatchObject({ ConsistentRead: true });
});

test('without consistentRead it is not', async () => {
  client = new BalanceClient({ endpoint: wire.endpoint, consistentRead: false });
  await client.getCurrentBalance({ userId: fresh('user') });

  expect(JSON.parse(wire.passed[0]?.body ?? '')).toMatchObject({ ConsistentRead: false });
});

describe.each(['credit', 'debit'] as const)('a %s', (type) => {
  const transact = async (idempotentKey = fresh('key'), amount = 1): Promise<unknown> =>
    await client
      .transact({ idempotentKey, userId: fresh('user'), amount, type })
      .catch((error: unknown) => error);

  test('that goes through is one TransactWriteItems', async () => {
    await transact();

    expect(wire.passed.map(({ operation }) => operation)).toEqual(['TransactWriteItems']);
  });

  test('that is a duplicate is one TransactWriteItems', async () => {
    const idempotentKey = fresh('key');
    await transact(idempotentKey);
    wire.passed.length = 0;
    await transact(idempotentKey);

    expect(wire.passed.map(({ operation }) => operation)).toEqual(['TransactWriteItems']);
  });

  test('has two actions, each telling what stood in the way', async () => {
    await transact();

    const { TransactItems } = JSON.parse(wire.passed[0]?.body ?? '') as TransactBody;
    expect(
      TransactItems.map((item) =>
        Object.entries(item).map(([action, { ReturnValuesOnConditionCheckFailure: told }]) => [
          action,
          told,
        ]),
      ),
    ).toEqual([[['Put', 'ALL_OLD']], [['Update', 'ALL_OLD']]]);
  });
});

test('a debit that is too large is one TransactWriteItems', async () => {
  const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 101 };
  await client.transact({ ...input, type: 'debit' }).catch(() => undefined);

  expect(wire.passed.map(({ operation }) => operation)).toEqual(['TransactWriteItems']);
});

test('wrong input sends nothing', async () => {
  const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: Number.NaN };
  await client.transact({ ...input, type: 'debit' }).catch(() => undefined);

  expect(wire.passed).toEqual([]);
});
