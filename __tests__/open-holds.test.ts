// The index of open holds: made on request, read by listHolds, and swept of holds that have expired.

import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BalanceClient } from 'dynamodb-balance';

import { runCommand, runForJson } from './harness/command-line';
import { fresh, inDynamoDb } from './harness/tables';

const database = new DynamoDBClient({});
const tables = {
  balancesTable: fresh('Balances'),
  transactionsTable: fresh('Transactions'),
};
const client = new BalanceClient(tables);

const EXPIRED = new Date(Date.now() - 3_600_000);
const LATER = new Date(Date.now() + 3_600_000);

beforeAll(async () => await client.createTables({ holds: true }));

afterAll(async () => {
  await client.close();
  database.destroy();
});

async function open(userId: string, amount: number, expiresAt?: Date, by = client) {
  const hold = fresh('hold');
  await by.createHold({ idempotentKey: hold, userId, amount, expiresAt });
  return hold;
}

async function indexesOf(TableName: string) {
  const { Table } = await database.send(new DescribeTableCommand({ TableName }));
  return (Table?.GlobalSecondaryIndexes ?? []).map(({ IndexName, KeySchema, Projection }) => ({
    name: IndexName,
    keys: KeySchema?.map(({ AttributeName }) => AttributeName),
    projection: Projection?.ProjectionType,
  }));
}

const OPEN_HOLDS = { name: 'OpenHolds', keys: ['userId', 'openUntil'], projection: 'ALL' };

inDynamoDb.describe('createTables({ holds: true })', () => {
  test('makes the index, and none without being asked', async () => {
    expect(await indexesOf(tables.transactionsTable)).toEqual([OPEN_HOLDS]);
    expect(await indexesOf(tables.balancesTable)).toEqual([]);
  });

  test('adds it beside that of the history, whichever is there first', async () => {
    const both = { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
    const other = new BalanceClient(both);
    await other.createTables({ history: true });
    await other.createTables({ history: true, holds: true });
    const names = (await indexesOf(both.transactionsTable)).map(({ name }) => name);
    expect(names.sort()).toEqual(['OpenHolds', 'UserHistory']);
    await other.close();
  });

  test('both at once', async () => {
    const both = { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
    const other = new BalanceClient(both);
    await other.createTables({ history: true, holds: true });
    expect(await indexesOf(both.transactionsTable)).toHaveLength(2);
    await other.close();
  });
});

describe('listHolds', () => {
  test('tells the open holds of a user, by when they expire', async () => {
    const userId = fresh('user');
    const never = await open(userId, 1);
    const later = await open(userId, 2, LATER);
    const expired = await open(userId, 3, EXPIRED);
    const captured = await open(userId, 4);
    await client.captureHold({ idempotentKey: fresh('capture'), hold: captured });
    await open(fresh('user'), 5);
    const { holds, cursor } = await client.listHolds({ userId });
    expect(holds.map(({ idempotentKey }) => idempotentKey)).toEqual([expired, later, never]);
    expect(holds[1]).toEqual(await client.getTransaction({ idempotentKey: later }));
    expect(cursor).toBeUndefined();
  });

  test('page by page', async () => {
    const userId = fresh('user');
    const wanted = [];
    for (let number = 0; number < 5; number += 1) {
      wanted.push(await open(userId, 1, new Date(LATER.getTime() + number)));
    }
    wanted.push(await open(userId, 1));
    const found: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await client.listHolds({ userId, limit: 2, cursor });
      expect(page.holds.length).toBeLessThanOrEqual(2);
      found.push(...page.holds.map(({ idempotentKey }) => idempotentKey));
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(found).toEqual(wanted);
    expect(pages).toBe(3);
  });

  test('a cursor of a history or of another user is refused', async () => {
    const userId = fresh('user');
    await open(userId, 1);
    await open(userId, 1);
    const { cursor } = await client.listHolds({ userId, limit: 1 });
    const elsewhere = client.listHolds({ userId: fresh('user'), cursor });
    await expect(elsewhere).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
    const history = client.listTransactions({ userId, cursor: String(cursor) });
    await expect(history).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
  });

  inDynamoDb.test('without the index it says how to add it', async () => {
    const other = new BalanceClient();
    for (const call of [other.listHolds({ userId: 'alice' }), other.releaseExpiredHolds()]) {
      await expect(call).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
        message: expect.stringMatching(/"OpenHolds".*createTables\(\{ holds: true \}\)/),
      });
    }
    await other.close();
  });
});

/** Tables whose expired holds are one test's business. */
async function freshClient() {
  const names = { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
  const other = new BalanceClient(names);
  await other.createTables({ holds: true });
  const options = ['--balances-table', names.balancesTable];
  options.push('--transactions-table', names.transactionsTable);
  return { other, options };
}

describe('releaseExpiredHolds', () => {
  test('gives the money of expired holds back, and of no others', async () => {
    const { other } = await freshClient();
    const [alice, bob] = ['alice', 'bob'];
    const expired = await open(alice, 10, EXPIRED, other);
    await open(alice, 20, LATER, other);
    await open(bob, 30, undefined, other);
    const progress = jest.fn();
    expect(await other.releaseExpiredHolds({ onProgress: progress })).toEqual({
      released: 1,
      failures: [],
    });
    expect(progress).toHaveBeenLastCalledWith({ released: 1, failed: 0 });
    expect(await other.getBalance({ userId: alice })).toMatchObject({ balance: '80', held: '20' });
    expect(await other.getBalance({ userId: bob })).toMatchObject({ balance: '70', held: '30' });
    expect(await other.getTransaction({ idempotentKey: `${expired}/expired` })).toMatchObject({
      type: 'credit',
      amount: '10',
      hold: expired,
    });
    expect(await other.releaseExpiredHolds()).toEqual({ released: 0, failures: [] });
    await other.close();
  });

  inDynamoDb.test(
    'several sweepers at once give nothing back twice, of thousands of holds',
    async () => {
      const { other, options } = await freshClient();
      const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
      await Promise.all(
        users.flatMap((userId) =>
          Array.from({ length: 50 }, () => open(userId, 1, EXPIRED, other)),
        ),
      );
      const news: number[] = [];
      const onProgress = ({ released }: { released: number }) => news.push(released);
      const sweeps = Array.from({ length: 3 }, () => other.releaseExpiredHolds({ onProgress }));
      const command = runForJson(['holds', 'sweep', ...options]);
      const swept = await Promise.all(sweeps);
      const { document } = await command;
      const released = swept.map((each) => each.released);
      expect(swept.flatMap(({ failures }) => failures)).toEqual([]);
      const total = released.reduce((sum, each) => sum + each, 0) + Number(document['released']);
      expect(total).toBe(2000);
      expect(new Set(news).size).toBeGreaterThan(10);
      for (const userId of users) {
        expect(await other.getBalance({ userId })).toMatchObject({ balance: '100', held: '0' });
      }
      await other.close();
    },
    120_000,
  );

  test('what was not released is told, and the others are', async () => {
    const { other } = await freshClient();
    const stuck = await open('alice', 10, EXPIRED, other);
    const key = `${stuck}/expired`;
    await other.transact({ idempotentKey: key, userId: 'bob', amount: 1, type: 'credit' });
    await open('carol', 10, EXPIRED, other);
    const { released, failures } = await other.releaseExpiredHolds();
    expect(released).toBe(1);
    expect(failures).toEqual([
      { hold: stuck, error: expect.objectContaining({ code: 'IDEMPOTENT_KEY_REUSED' }) },
    ]);
    await other.close();
  });

  test('an error of onProgress ends the sweep, and nothing further is released', async () => {
    const { other } = await freshClient();
    await open('alice', 10, EXPIRED, other);
    const onProgress = () => {
      throw new Error('the pager has gone');
    };
    await expect(other.releaseExpiredHolds({ onProgress })).rejects.toThrow('the pager has gone');
    expect(await other.getBalance({ userId: 'alice' })).toMatchObject({ held: '10' });
    await other.close();
  });

  test('onProgress must be a function', async () => {
    const call = client.releaseExpiredHolds({ onProgress: 'loudly' as never });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('onProgress must be a function'),
    });
  });
});

inDynamoDb.describe('on the command line', () => {
  test('tables create --holds makes the index, tables check tells of it', async () => {
    const names = ['--balances-table', fresh('Balances'), '--transactions-table', fresh('T')];
    await expect(runCommand(['tables', 'create', '--holds', ...names])).resolves.toMatchObject({
      exitCode: 0,
      output: 'Both tables and holds can be used.\n',
    });
    await expect(runForJson(['tables', 'check', ...names])).resolves.toMatchObject({
      exitCode: 0,
      document: {
        ready: true,
        tables: [
          {},
          {
            history: { status: 'ABSENT', ready: false },
            holds: { index: 'OpenHolds', status: 'ACTIVE', ready: true },
          },
        ],
      },
    });
  });

  test('holds sweep says how many holds it has released', async () => {
    const { other, options } = await freshClient();
    await open('alice', 10, EXPIRED, other);
    await open('alice', 10, EXPIRED, other);
    await expect(runCommand(['holds', 'sweep', ...options])).resolves.toMatchObject({
      exitCode: 0,
      output: 'Released 2 expired holds.\n',
    });
    await other.close();
  });

  test('holds sweep tells what it could not release, with an exit code of its own', async () => {
    const { other, options } = await freshClient();
    const stuck = await open('alice', 10, EXPIRED, other);
    const key = `${stuck}/expired`;
    await other.transact({ idempotentKey: key, userId: 'bob', amount: 1, type: 'credit' });
    await expect(runForJson(['holds', 'sweep', ...options])).resolves.toMatchObject({
      exitCode: 1,
      document: { released: 0, failures: [{ hold: stuck, code: 'IDEMPOTENT_KEY_REUSED' }] },
    });
    await other.close();
  });

  test('the audit finds money that is held for no hold', async () => {
    const { other, options } = await freshClient();
    await open('alice', 10, LATER, other);
    const audit = () => runForJson(['audit', ...options]);
    await expect(audit()).resolves.toMatchObject({ exitCode: 0, document: { verdict: 'right' } });
    const hold = await open('alice', 5, LATER, other);
    const { UpdateItemCommand } = await import('@aws-sdk/client-dynamodb');
    await database.send(
      new UpdateItemCommand({
        TableName: options[3],
        Key: { idempotentKey: { S: hold } },
        UpdateExpression: 'SET holdState = :released',
        ExpressionAttributeValues: { ':released': { S: 'released' } },
      }),
    );
    await expect(audit()).resolves.toMatchObject({
      exitCode: 1,
      document: {
        verdict: 'wrong',
        mismatches: { count: 0 },
        heldMismatches: {
          count: 1,
          items: [{ userId: 'alice', held: '15', expected: '10', openHolds: 1 }],
        },
      },
    });
    await expect(runCommand(['audit', ...options])).resolves.toMatchObject({
      output: expect.stringContaining('user "alice": 15 is held, but 1 open holds have 10'),
    });
    await other.close();
  });
});
