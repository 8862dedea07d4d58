// The history of a user: every transaction once, in order, exactly as it was recorded.

import { runInNewContext } from 'node:vm';
import { BalanceClient, type ListTransactionsInput, type Transaction } from 'dynamodb-balance';

import { rejection } from './harness/calls';
import { keysOf, SECOND, START, userWith } from './harness/history';
import { client, putRecord, tables } from './harness/history-tables';
import { fresh, inDynamoDb } from './harness/tables';
import { openHangingWire, openWire, serviceError, type Wire } from './harness/wire';

/** `listTransactions` as a caller without types sees it. */
const loosely = client.listTransactions.bind(client) as (input?: unknown) => Promise<unknown>;

async function collect(transactions: AsyncIterable<Transaction>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { idempotentKey } of transactions) {
    keys.push(idempotentKey);
  }
  return keys;
}

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

describe('a transaction is told as it was recorded', () => {
  test('by transact', async () => {
    const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 30.1 };
    await client.transact({ ...input, type: 'debit' });
    const began = Date.now();
    const { transactions } = await client.listTransactions({ userId: input.userId });
    const [{ timestamp } = { timestamp: '' }] = transactions;

    expect(transactions).toStrictEqual([{ ...input, amount: '30.1', type: 'debit', timestamp }]);
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(timestamp) - began)).toBeLessThan(10 * SECOND);
  });

  test.each([
    ['1E-130', `0.${'0'.repeat(129)}1`],
    ['9E125', `9${'0'.repeat(125)}`],
    ['12345678901234567890123456789012345678', '12345678901234567890123456789012345678'],
    ['0.10', '0.1'],
    ['100', '100'],
  ])('an amount of %s with all of its digits', async (N, amount) => {
    const userId = fresh('user');
    await putRecord({
      idempotentKey: { S: fresh('key') },
      userId: { S: userId },
      amount: { N },
      type: { S: 'credit' },
      timestamp: { S: '2024-02-29T12:34:56.789Z' },
    });
    const { transactions } = await client.listTransactions({ userId });

    expect(transactions).toMatchObject([{ amount }]);
    expect(transactions[0]).not.toHaveProperty('malformed');
  });

  test('with its metadata, whatever the names', async () => {
    const userId = fresh('user');
    const metadata = JSON.parse('{"order":"17","__proto__":"odd","constructor":""}');
    await putRecord({
      idempotentKey: { S: fresh('key') },
      userId: { S: userId },
      amount: { N: '1' },
      type: { S: 'credit' },
      timestamp: { S: '2024-02-29T12:34:56.789Z' },
      metadata: { M: { order: { S: '17' }, ['__proto__']: { S: 'odd' }, constructor: { S: '' } } },
    });
    const { transactions } = await client.listTransactions({ userId });

    expect(Object.entries(transactions[0]?.metadata ?? {}).sort()).toEqual(
      Object.entries(metadata).sort(),
    );
  });
});

test('a user without transactions has an empty history', async () => {
  await expect(client.listTransactions({ userId: fresh('user') })).resolves.toStrictEqual({
    transactions: [],
  });
});

test('nobody else’s transactions are told', async () => {
  const { userId, keys } = await userWith(2);
  await userWith(2);

  await expect(keysOf({ userId })).resolves.toEqual([...keys].reverse());
});

describe('the order is', () => {
  test.each([
    ['newest first by default', {}, true],
    ['newest first', { order: 'newest' }, true],
    ['oldest first', { order: 'oldest' }, false],
  ] as const)('%s', async (_name, input, isReversed) => {
    const { userId, keys } = await userWith(3);

    await expect(keysOf({ userId, ...input })).resolves.toEqual(
      isReversed ? [...keys].reverse() : keys,
    );
  });
});

describe('of a range, from is part of it and to is not', () => {
  let userId: string;
  let keys: string[];

  beforeAll(async () => {
    ({ userId, keys } = await userWith(5));
  });

  const at = (seconds: number) => new Date(START + seconds * SECOND);

  test.each([
    ['from', { from: at(2) }, [2, 3, 4]],
    ['a millisecond later', { from: new Date(at(2).getTime() + 1) }, [3, 4]],
    ['to', { to: at(2) }, [0, 1]],
    ['to a millisecond later', { to: new Date(at(2).getTime() + 1) }, [0, 1, 2]],
    ['both', { from: at(1), to: at(4) }, [1, 2, 3]],
    ['nothing between', { from: at(2), to: at(2) }, []],
    ['before everything', { to: new Date(-1) }, []],
    ['after everything', { from: new Date(8.64e15) }, []],
    [
      'from long ago until far away',
      { from: new Date(-8.64e15), to: new Date(8.64e15) },
      [0, 1, 2, 3, 4],
    ],
  ])('%s', async (_name, range, expected) => {
    const wanted = expected.map((index) => keys[index]);

    await expect(keysOf({ userId, ...range, order: 'oldest' })).resolves.toEqual(wanted);
    await expect(keysOf({ userId, ...range })).resolves.toEqual([...wanted].reverse());
  });

  test('a Date of another realm', async () => {
    const from = runInNewContext(`new Date(${at(3).getTime()})`);

    await expect(keysOf({ userId, from, order: 'oldest' })).resolves.toEqual(keys.slice(3));
  });
});

describe('limit', () => {
  test('is 100 by default', async () => {
    const { userId, keys } = await userWith(101);
    const page = await client.listTransactions({ userId, order: 'oldest' });

    expect(page.transactions.map(({ idempotentKey }) => idempotentKey)).toEqual(keys.slice(0, 100));
    expect(page.cursor).toEqual(expect.any(String));
  });

  test('can be 1,000', async () => {
    const { userId, keys } = await userWith(12);

    await expect(keysOf({ userId, limit: 1000, order: 'oldest' })).resolves.toEqual(keys);
  });
});

inDynamoDb.describe(
  'a record that this package would not have written is told as far as it goes',
  () => {
    const AMOUNT = 'amount must be a number greater than 0';
    const TYPE = 'type must be either "credit" or "debit"';
    const regular = { amount: { N: '5' }, type: { S: 'debit' } };
    const timestamp = '2024-02-29T12:34:56.789Z';

    test.each([
      [
        'an amount that is text',
        { amount: { S: 'plenty' } },
        { amount: 'plenty', malformed: AMOUNT },
      ],
      ['an amount below zero', { amount: { N: '-5' } }, { amount: '-5', malformed: AMOUNT }],
      ['no amount', { amount: undefined }, { amount: '', malformed: AMOUNT }],
      ['another type', { type: { S: 'refund' } }, { type: 'refund', malformed: TYPE }],
      ['no type', { type: undefined }, { type: '', malformed: TYPE }],
      [
        'neither',
        { amount: undefined, type: undefined },
        { amount: '', type: '', malformed: `${AMOUNT}; ${TYPE}` },
      ],
      [
        'metadata that is text',
        { metadata: { S: 'odd' } },
        { malformed: 'metadata must be a map of strings' },
      ],
      [
        'metadata with a number',
        { metadata: { M: { a: { S: '1' }, b: { N: '2' } } } },
        { metadata: { a: '1' }, malformed: 'metadata must be a map of strings' },
      ],
      [
        'a timestamp that is no time',
        { timestamp: { S: 'yesterday' } },
        { timestamp: 'yesterday', malformed: 'timestamp must be a time in ISO 8601 and UTC' },
      ],
    ])('%s', async (_name, attributes, told) => {
      const { userId, keys } = await userWith(1);
      const idempotentKey = fresh('odd');
      const item = { ...regular, timestamp: { S: timestamp }, ...attributes };
      await putRecord({
        ...(JSON.parse(JSON.stringify(item)) as typeof regular),
        idempotentKey: { S: idempotentKey },
        userId: { S: userId },
      });
      const { transactions } = await client.listTransactions({ userId });
      const odd = transactions.find((transaction) => transaction.idempotentKey === idempotentKey);

      expect(odd).toStrictEqual({
        ...{ idempotentKey, userId, amount: '5', type: 'debit', timestamp },
        ...told,
      });
      expect(transactions.map((transaction) => transaction.idempotentKey)).toContain(keys[0]);
    });
  },
);

describe('bad input is refused by name, and nothing is sent', () => {
  test.each([
    [{ userId: undefined }, 'INVALID_USER_ID', 'userId is required'],
    [{ userId: '' }, 'INVALID_USER_ID', 'userId is required'],
    [{ userId: 5 }, 'INVALID_USER_ID', 'userId must be a string'],
    [{ from: '2024-01-01' }, 'INVALID_INPUT', 'from must be a Date'],
    [{ from: 1 }, 'INVALID_INPUT', 'from must be a Date'],
    [{ from: null }, 'INVALID_INPUT', 'from must be a Date'],
    [{ to: {} }, 'INVALID_INPUT', 'to must be a Date'],
    [{ from: new Date(Number.NaN) }, 'INVALID_INPUT', 'from must be a valid Date'],
    [{ to: new Date(Number.NaN) }, 'INVALID_INPUT', 'to must be a valid Date'],
    [{ from: new Date(1), to: new Date(0) }, 'INVALID_INPUT', 'from must not be after to'],
    [{ order: 'random' }, 'INVALID_INPUT', 'order must be either "newest" or "oldest"'],
    [{ order: null }, 'INVALID_INPUT', 'order must be'],
    [{ limit: 0 }, 'INVALID_INPUT', 'limit must be a whole number from 1 to 1000, not 0'],
    [{ limit: 1001 }, 'INVALID_INPUT', 'not 1001'],
    [{ limit: 1.5 }, 'INVALID_INPUT', 'not 1.5'],
    [{ limit: Number.NaN }, 'INVALID_INPUT', 'not NaN'],
    [{ limit: Number.POSITIVE_INFINITY }, 'INVALID_INPUT', 'not Infinity'],
    [{ limit: '10' }, 'INVALID_INPUT', 'not a string'],
    [{ limit: 10n }, 'INVALID_INPUT', 'not a bigint'],
  ])('%p', async (fields, code, complaint) => {
    wire = await openWire();
    const sending = new BalanceClient({ ...tables, endpoint: wire.endpoint });
    const input = { userId: 'user', ...fields } as unknown as ListTransactionsInput;
    const error = await rejection(sending.listTransactions(input));

    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain(complaint);
    expect(wire.passed).toEqual([]);
  });

  test.each([[undefined], [null], [{}], [5]])('%p as the input', async (input) => {
    await expect(loosely(input)).rejects.toMatchObject({
      code: 'INVALID_USER_ID',
      message: 'Invalid input: userId is required.',
    });
  });

  test('a getter that throws is INVALID_INPUT with its error', async () => {
    const cause = new Error('mine');
    const input = {
      get userId(): string {
        throw cause;
      },
    };

    await expect(client.listTransactions(input)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      cause,
    });
  });

  test('a signal that is none', async () => {
    const options = { signal: 'stop' } as unknown as { signal: AbortSignal };

    await expect(client.listTransactions({ userId: 'user' }, options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});

describe('iterateTransactions', () => {
  test('goes through all pages, each transaction once and in order', async () => {
    const { userId, keys } = await userWith(11);

    for (const limit of [1, 2, 10, 11, 12]) {
      await expect(collect(client.iterateTransactions({ userId, limit }))).resolves.toEqual(
        [...keys].reverse(),
      );
    }
  });

  test('goes on where a cursor leads', async () => {
    const { userId, keys } = await userWith(5);
    const { cursor = '' } = await client.listTransactions({ userId, limit: 2, order: 'oldest' });

    await expect(
      collect(client.iterateTransactions({ userId, cursor, order: 'oldest' })),
    ).resolves.toEqual(keys.slice(2));
  });

  inDynamoDb.test('reads a page when it is needed, and none after it was left', async () => {
    const { userId } = await userWith(6);
    wire = await openWire();
    const iterator = new BalanceClient({ ...tables, endpoint: wire.endpoint }).iterateTransactions({
      userId,
      limit: 2,
    });
    const passed: number[] = [wire.passed.length];
    let seen = 0;
    for await (const _transaction of iterator) {
      passed.push(wire.passed.length);
      seen += 1;
      if (seen === 3) {
        break;
      }
    }

    expect(passed).toEqual([0, 1, 1, 2]);
    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined });
    expect(wire.passed).toHaveLength(2);
  });

  test('return() ends it before the first page', async () => {
    const iterator = client.iterateTransactions({ userId: 'user' });
    await expect(iterator.return?.()).resolves.toMatchObject({ done: true });

    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined });
  });

  test('never throws synchronously: bad input is a rejection of next()', async () => {
    const iterate = client.iterateTransactions.bind(client) as unknown as (
      input?: unknown,
      options?: unknown,
    ) => AsyncIterableIterator<Transaction>;
    const iterators = [
      iterate(),
      iterate(null),
      iterate({ userId: 'user', limit: 0 }),
      iterate({ userId: 'user' }, { signal: 5 }),
      iterate({
        get userId() {
          throw new Error('mine');
        },
      }),
    ];

    for (const iterator of iterators) {
      await expect(iterator.next()).rejects.toMatchObject({ name: 'BalanceError' });
    }
  });

  inDynamoDb.test('a failure on the way is a rejection, and the end', async () => {
    const { userId } = await userWith(4);
    wire = await openWire((index) =>
      index === 0 ? 'forward' : serviceError('AccessDeniedException'),
    );
    const iterator = new BalanceClient({ ...tables, endpoint: wire.endpoint }).iterateTransactions({
      userId,
      limit: 2,
    });
    await iterator.next();
    await iterator.next();

    await expect(iterator.next()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined });
  });
});

inDynamoDb.describe('on a bad network', () => {
  test('it is tried again until it is answered', async () => {
    const { userId, keys } = await userWith(2);
    const reactions = [
      'lose the request',
      'lose the answer',
      serviceError('ThrottlingException'),
      serviceError('InternalServerError', {}, 500),
    ] as const;
    wire = await openWire((index) => reactions[index] ?? 'forward');
    const page = await new BalanceClient({ ...tables, endpoint: wire.endpoint }).listTransactions({
      userId,
    });

    expect(page.transactions.map(({ idempotentKey }) => idempotentKey)).toEqual(
      [...keys].reverse(),
    );
    expect(wire.passed.map(({ operation }) => operation)).toEqual(Array(5).fill('Query'));
  });

  test('without an answer nothing happened, at the deadline, and calling again is safe', async () => {
    wire = await openHangingWire();
    const hurried = new BalanceClient({
      endpoint: wire.endpoint,
      attemptTimeout: 200,
      callTimeout: 1000,
    });
    const began = performance.now();

    await expect(hurried.listTransactions({ userId: 'user' })).rejects.toMatchObject({
      code: 'NOTHING_HAPPENED',
      retryable: true,
      message: expect.stringMatching(/within 1000 ms .*It is safe to call again\.$/),
    });
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(wire.passed.length).toBeGreaterThan(1);
  });

  test('a signal ends it, with its reason', async () => {
    const { arrival, ...hanging } = await openHangingWire();
    wire = hanging;
    const controller = new AbortController();
    const cause = new Error('enough');
    const call = new BalanceClient({ ...tables, endpoint: wire.endpoint }).listTransactions(
      { userId: 'user' },
      { signal: controller.signal },
    );
    void arrival.then(() => controller.abort(cause));

    await expect(call).rejects.toMatchObject({ code: 'NOTHING_HAPPENED', cause });
  });

  test('a signal that was aborted before ends it as well', async () => {
    await expect(
      client.listTransactions({ userId: 'user' }, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'NOTHING_HAPPENED' });
  });

  test('an answer without Items is not taken for an empty history', async () => {
    wire = await openWire(() => ({ status: 200, body: '{"Count":0}' }));

    await expect(
      new BalanceClient({ ...tables, endpoint: wire.endpoint, callTimeout: 500 }).listTransactions({
        userId: 'user',
      }),
    ).rejects.toMatchObject({ code: 'NOTHING_HAPPENED' });
  });
});

describe('close()', () => {
  test('waits for a listing, and refuses the next one', async () => {
    const { userId, keys } = await userWith(1);
    const closing = new BalanceClient(tables);
    let isListed = false;
    const listing = closing.listTransactions({ userId }).then((page) => {
      isListed = true;
      return page;
    });
    await closing.close();

    expect(isListed).toBe(true);
    await expect(listing).resolves.toMatchObject({ transactions: [{ idempotentKey: keys[0] }] });
    await expect(closing.listTransactions({ userId })).rejects.toMatchObject({
      code: 'CLIENT_CLOSED',
    });
  });
});

test('the stack leads to the caller’s await', async () => {
  async function theCallerWhoAwaits(): Promise<void> {
    await loosely({});
  }
  const { stack } = await rejection(theCallerWhoAwaits());

  expect(stack).toMatch(/at (async )?theCallerWhoAwaits \(.*history\.test\.ts:\d+:\d+\)/);
});

inDynamoDb.test('missing permission is told with the action', async () => {
  wire = await openWire(() =>
    serviceError('AccessDeniedException', { message: 'not authorized to perform: dynamodb:Query' }),
  );

  await expect(
    new BalanceClient({ ...tables, endpoint: wire.endpoint }).listTransactions({ userId: 'user' }),
  ).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('dynamodb:Query'),
  });
});
