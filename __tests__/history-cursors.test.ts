// Cursors: they lead to the next page of the same listing, and to nothing else.

import type { ListTransactionsInput } from 'dynamodb-balance';

import { rejection } from './harness/calls';
import { SECOND, START, userWith } from './harness/history';
import { client, putRecord } from './harness/history-tables';
import { fresh, inDynamoDb } from './harness/tables';

/** Follows the cursors to the end: the keys of each page. */
async function pages(input: ListTransactionsInput): Promise<string[][]> {
  const found: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTransactions({ ...input, ...(cursor && { cursor }) });
    found.push(page.transactions.map(({ idempotentKey }) => idempotentKey));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

describe('pages', () => {
  test.each([
    [1, [1, 1, 1, 1, 1, 1]],
    [2, [2, 2, 2]],
    [4, [4, 2]],
    [5, [5, 1]],
    [6, [6]],
    [7, [6]],
  ])('of %d have everything once, and none is empty at the end', async (limit, sizes) => {
    const { userId, keys } = await userWith(6);
    const found = await pages({ userId, limit });

    expect(found.map(({ length }) => length)).toEqual(sizes);
    expect(found.flat()).toEqual([...keys].reverse());
  });

  test('of a range stay in it', async () => {
    const { userId, keys } = await userWith(6);
    const range = { from: new Date(START + SECOND), to: new Date(START + 5 * SECOND) };

    for (const order of ['oldest', 'newest'] as const) {
      const found = await pages({ userId, ...range, order, limit: 1 });
      const expected = keys.slice(1, 5);
      expect(found.flat()).toEqual(order === 'oldest' ? expected : expected.reverse());
    }
  });

  test('have everything once where many transactions have the same timestamp', async () => {
    const userId = fresh('user');
    const keys = Array.from({ length: 20 }, (_, index) => `${userId}-${index}`);
    await Promise.all(
      keys.map((key) =>
        putRecord({
          idempotentKey: { S: key },
          userId: { S: userId },
          amount: { N: '1' },
          type: { S: 'credit' },
          timestamp: { S: new Date(START).toISOString() },
        }),
      ),
    );

    for (const order of ['oldest', 'newest'] as const) {
      const found = await pages({ userId, order, limit: 3 });
      expect(found.flat().sort()).toEqual([...keys].sort());
    }
  });

  test('have everything once, however long user and keys are', async () => {
    const userId = `${fresh('user')}${'ü'.repeat(1000)}`;
    const keys = [0, 1, 2].map((index) => `${fresh('key')}${'x'.repeat(2000)}${index}`);
    for (const [index, key] of keys.entries()) {
      await putRecord({
        idempotentKey: { S: key },
        userId: { S: userId },
        amount: { N: '1' },
        type: { S: 'credit' },
        timestamp: { S: new Date(START + index).toISOString() },
      });
    }

    await expect(pages({ userId, order: 'oldest', limit: 1 })).resolves.toEqual(
      keys.map((key) => [key]),
    );
  });

  inDynamoDb.test('are shorter where records are large, and have everything once', async () => {
    const userId = fresh('user');
    const keys = Array.from({ length: 200 }, (_, index) => `${userId}-${index}`);
    await Promise.all(
      keys.map((key, index) =>
        putRecord({
          idempotentKey: { S: key },
          userId: { S: userId },
          amount: { N: '1' },
          type: { S: 'credit' },
          timestamp: { S: new Date(START + index).toISOString() },
          metadata: { M: { note: { S: 'x'.repeat(8000) } } },
        }),
      ),
    );
    const found = await pages({ userId, order: 'oldest', limit: 1000 });

    expect(found.length).toBeGreaterThan(1);
    expect(found.flat()).toEqual(keys);
  });

  test('keep their place while transactions come in', async () => {
    const { userId, keys } = await userWith(4);
    const first = await client.listTransactions({ userId, limit: 2 });
    await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });
    const { cursor = '' } = first;
    const second = await client.listTransactions({ userId, limit: 2, cursor });

    expect(second.transactions.map(({ idempotentKey }) => idempotentKey)).toEqual([
      keys[1],
      keys[0],
    ]);
  });

  test('may be of another size than the one before', async () => {
    const { userId, keys } = await userWith(4);
    const { cursor = '' } = await client.listTransactions({ userId, limit: 1 });
    const rest = await client.listTransactions({ userId, limit: 10, cursor });

    expect(rest.transactions.map(({ idempotentKey }) => idempotentKey)).toEqual(
      [...keys].reverse().slice(1),
    );
  });
});

describe('a cursor', () => {
  let userId: string;
  let cursor: string;

  beforeAll(async () => {
    ({ userId } = await userWith(3));
    ({ cursor = '' } = await client.listTransactions({ userId, limit: 1 }));
  });

  async function refusal(input: Partial<ListTransactionsInput>): Promise<string> {
    const error = await rejection(client.listTransactions({ userId, cursor, ...input }));
    expect(error).toMatchObject({ code: 'INVALID_CURSOR', retryable: false });
    return error.message;
  }

  test('fits into a URL as it is', () => {
    expect(cursor).not.toBe('');
    expect(encodeURIComponent(cursor)).toBe(cursor);
  });

  test('of another user is refused', async () => {
    await expect(refusal({ userId: fresh('user') })).resolves.toContain('another userId');
  });

  test.each([
    ['order', { order: 'oldest' }],
    ['from', { from: new Date(0) }],
    ['to', { to: new Date(START + 100 * SECOND) }],
  ] as const)('of another %s is refused', async (_name, input) => {
    await expect(refusal(input)).resolves.toContain('another order, from or to');
  });

  test('that is truncated is refused', async () => {
    for (let length = 1; length < cursor.length; length += 1) {
      await expect(refusal({ cursor: cursor.slice(0, length) })).resolves.toMatch(
        /^Invalid cursor: it is damaged/,
      );
    }
  });

  test('of which a character was changed is refused', async () => {
    for (let index = 0; index < cursor.length; index += 1) {
      const other = cursor[index] === 'A' ? 'B' : 'A';
      await refusal({ cursor: `${cursor.slice(0, index)}${other}${cursor.slice(index + 1)}` });
    }
  });

  test.each([
    ['', 'it is empty'],
    ['null', 'damaged|another version'],
    ['😀', 'damaged'],
    ['x'.repeat(100_000), 'damaged'],
    [null, 'it must be a string, not null'],
    [7, 'it must be a string, not a number'],
    [{}, 'it must be a string, not an object'],
  ])('that is %.20p is refused', async (other, complaint) => {
    await expect(refusal({ cursor: other as string })).resolves.toMatch(new RegExp(complaint));
  });
});
