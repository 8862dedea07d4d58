// Calls for one user travel together, and so do reads past a number of requests; whoever cannot be
// helped does not drag the others along.

import { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';
import { fresh, recordsOf } from './harness/tables';
import {
  openWire,
  type PassedRequest,
  type Reaction,
  serviceError,
  type Wire,
} from './harness/wire';

/** As in docs/architecture.md, "Limits". */
const MOST_ACTIONS = 100;
const MOST_READS_UNDER_WAY = 8;

let wire: Wire;

afterEach(() => wire.close());

async function clientThrough(
  react: (index: number, request: PassedRequest) => Reaction = () => 'forward',
): Promise<BalanceClient> {
  wire = await openWire(react);
  return new BalanceClient({ endpoint: wire.endpoint });
}

function actions({ body }: PassedRequest): object[] {
  return (JSON.parse(body) as { TransactItems: object[] }).TransactItems;
}

/** What the calls came to: 'done', or the error's code. */
async function outcomes(calls: Promise<unknown>[]): Promise<string[]> {
  return await Promise.all(
    calls.map((call) =>
      call.then(
        () => 'done',
        (error: { code: string }) => error.code,
      ),
    ),
  );
}

describe('300 calls at once for one user', () => {
  const userId = fresh('user');
  let told: string[];
  let requests: PassedRequest[];

  beforeAll(async () => {
    const client = await clientThrough();
    told = await outcomes(
      Array.from({ length: 300 }, () =>
        client.transact(request({ userId, amount: 1, type: 'debit' })),
      ),
    );
    requests = [...wire.passed];
  });

  test('spend what is there, and no more', () => {
    expect(told.filter((outcome) => outcome === 'done')).toHaveLength(100);
    expect(told.filter((outcome) => outcome === 'INSUFFICIENT_BALANCE')).toHaveLength(200);
  });

  test('take far fewer requests than calls', () => {
    expect(requests.length).toBeLessThan(20);
  });

  test('are never more in a request than DynamoDB allows', () => {
    expect(Math.max(...requests.map((it) => actions(it).length))).toBe(MOST_ACTIONS);
  });

  test('leave one record for each that passed', async () => {
    await expect(recordsOf(userId)).resolves.toHaveLength(100);
  });
});

test('a request that is stalled holds up nobody else', async () => {
  const client = await clientThrough((_index, { body }) =>
    body.includes('stalled') ? 'hang' : 'forward',
  );
  const impatience = new AbortController();
  const { signal } = impatience;
  const userId = fresh('stalled');
  const stalled = ['first', 'second'].map((key) =>
    client.transact(request({ userId, idempotentKey: fresh(key) }), { signal }),
  );
  const told = outcomes(stalled);

  await expect(client.transact(request())).resolves.toBeUndefined();
  impatience.abort();
  expect(await told).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
});

test('one whose sum does not fit is told so, and those with it go through', async () => {
  const client = await clientThrough();
  const userId = fresh('user');
  const calls = Array.from({ length: 20 }, (_, index) =>
    client.transact(request({ userId, amount: index === 7 ? 1e-100 : 1 })),
  );

  const told = await outcomes(calls);
  expect(told[7]).toBe('AMOUNT_OUT_OF_RANGE');
  expect(told.filter((outcome) => outcome === 'done')).toHaveLength(19);
  await expect(client.getCurrentBalance({ userId })).resolves.toBe(119);
});

test('one that is a duplicate is told so, and those with it go through', async () => {
  const client = await clientThrough();
  const first = request({ amount: 1 });
  await client.transact(first);
  const calls = [
    first,
    ...Array.from({ length: 9 }, () => request({ ...first, idempotentKey: fresh('key') })),
  ];

  const told = await outcomes(calls.map((input) => client.transact(input)));
  expect(told).toEqual(['DUPLICATE_TRANSACTION', ...Array(9).fill('done')]);
});

test('one key twice at once is sent once', async () => {
  const client = await clientThrough();
  const input = request();

  const told = await outcomes([client.transact(input), client.transact(input)]);
  expect(told).toEqual(['done', 'DUPLICATE_TRANSACTION']);
  expect(wire.passed.map((it) => actions(it).length)).toEqual([2]);
});

test('a lost answer is asked for again for all that travelled together', async () => {
  const client = await clientThrough((index) => (index === 0 ? 'lose the answer' : 'forward'));
  const userId = fresh('user');
  const calls = Array.from({ length: 10 }, () => client.transact(request({ userId, amount: 1 })));

  expect(await outcomes(calls)).toEqual(Array(10).fill('done'));
  await expect(client.getCurrentBalance({ userId })).resolves.toBe(110);
});

test('reads past a number of requests leave together', async () => {
  const client = await clientThrough();
  const users = Array.from({ length: 400 }, () => fresh('user'));
  const balances = await Promise.all(users.map((userId) => client.getCurrentBalance({ userId })));

  expect(new Set(balances)).toEqual(new Set([100]));
  expect(wire.passed).toHaveLength(MOST_READS_UNDER_WAY);
  expect(new Set(wire.passed.map(({ operation }) => operation))).toEqual(new Set(['BatchGetItem']));
});

test('reads that travel together are strongly consistent', async () => {
  const client = await clientThrough();
  const users = Array.from({ length: 80 }, () => fresh('user'));
  await Promise.all(users.map((userId) => client.transact(request({ userId, amount: 1 }))));
  wire.passed.length = 0;

  const balances = await Promise.all(users.map((userId) => client.getCurrentBalance({ userId })));
  expect(new Set(balances)).toEqual(new Set([101]));
  for (const { body } of wire.passed) {
    expect(Object.values(JSON.parse(body).RequestItems)).toMatchObject([{ ConsistentRead: true }]);
  }
});

test('without permission for BatchGetItem, reads go one by one', async () => {
  const client = await clientThrough((_index, { operation }) =>
    operation === 'BatchGetItem' ? serviceError('AccessDeniedException') : 'forward',
  );
  const users = Array.from({ length: 50 }, () => fresh('user'));
  const balances = await Promise.all(users.map((userId) => client.getCurrentBalance({ userId })));

  expect(new Set(balances)).toEqual(new Set([100]));
  expect(wire.passed.filter(({ operation }) => operation === 'GetItem')).toHaveLength(50);
});

test('a user that DynamoDB left out is asked for again', async () => {
  const client = await clientThrough((index, { operation, body }) => {
    if (operation !== 'BatchGetItem' || index >= MOST_READS_UNDER_WAY) {
      return 'forward';
    }
    const { RequestItems: left } = JSON.parse(body);
    return { status: 200, body: JSON.stringify({ Responses: {}, UnprocessedKeys: left }) };
  });
  const users = Array.from({ length: 50 }, () => fresh('user'));
  const balances = await Promise.all(users.map((userId) => client.getCurrentBalance({ userId })));

  expect(new Set(balances)).toEqual(new Set([100]));
});
