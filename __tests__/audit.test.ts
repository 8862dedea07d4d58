// The audit finds every balance that is not the default plus the records, every balance below zero
// and every malformed item, and is never wrong about money that moves meanwhile.

import {
  type AttributeValue,
  BatchWriteItemCommand,
  DynamoDBClient,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { BalanceClient } from 'dynamodb-balance';

import { runCommand, runForJson } from './harness/command-line';
import { fresh, type Item } from './harness/tables';
import { openHangingWire, openWire, serviceError, type Wire } from './harness/wire';

const database = new DynamoDBClient({});

afterAll(() => database.destroy());

/** A pair of tables of its own for each test. */
class Tables {
  readonly balancesTable = fresh('Balances');
  readonly transactionsTable = fresh('Transactions');
  readonly client = new BalanceClient({
    balancesTable: this.balancesTable,
    transactionsTable: this.transactionsTable,
  });
  readonly #options = [
    ...['--balances-table', this.balancesTable],
    ...['--transactions-table', this.transactionsTable],
  ];

  async audit(...more: string[]) {
    return await runForJson(['audit', ...this.#options, ...more]);
  }

  async auditForPeople() {
    return await runCommand(['audit', ...this.#options]);
  }

  async putBalance(userId: string, balance: AttributeValue): Promise<void> {
    await this.#put(this.balancesTable, { userId: { S: userId }, balance });
  }

  async putRecord(key: string, userId: string, changes: Item = {}): Promise<void> {
    await this.#put(this.transactionsTable, {
      idempotentKey: { S: key },
      userId: { S: userId },
      amount: { N: '5' },
      type: { S: 'credit' },
      timestamp: { S: '2024-02-29T12:34:56.789Z' },
      ...changes,
    });
  }

  async move(userId: string, amount: number, type: 'credit' | 'debit'): Promise<void> {
    await this.client.transact({ idempotentKey: fresh('key'), userId, amount, type });
  }

  async #put(TableName: string, Item: Item): Promise<void> {
    await database.send(new PutItemCommand({ TableName, Item }));
  }
}

let tables: Tables;

beforeEach(async () => {
  tables = new Tables();
  await tables.client.createTables();
});

const NOTHING = { count: 0, items: [] };

test('empty tables are right', async () => {
  await expect(tables.audit()).resolves.toEqual({
    exitCode: 0,
    document: {
      verdict: 'right',
      users: 0,
      records: 0,
      passes: 1,
      defaultBalance: '100',
      fittingDefaultBalance: null,
      mismatches: NOTHING,
      heldMismatches: NOTHING,
      negatives: NOTHING,
      malformed: NOTHING,
      busy: NOTHING,
    },
  });
});

test('what the package wrote is right', async () => {
  await tables.move('alice', 0.1, 'credit');
  await tables.move('alice', 50.05, 'debit');
  await tables.move('bob', 1e30, 'credit');

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 0,
    document: { verdict: 'right', users: 2, records: 3 },
  });
});

test('for people it says so in words', async () => {
  await tables.move('alice', 1, 'credit');

  await expect(tables.auditForPeople()).resolves.toEqual({
    exitCode: 0,
    output:
      'Read 1 users and 1 records in 1 pass.\nEvery balance is the default balance of 100 plus its records, and what is held is in open holds.\n',
    complaints: '',
  });
});

test('records of the implementation before, without a callId, are right', async () => {
  await tables.putRecord('order-1', 'alice');
  await tables.putBalance('alice', { N: '105' });

  await expect(tables.audit()).resolves.toMatchObject({ exitCode: 0 });
});

test('a balance that somebody changed is found, and nobody else', async () => {
  await tables.move('alice', 5, 'credit');
  await tables.move('bob', 5, 'credit');
  await tables.putBalance('bob', { N: '106' });

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: {
      verdict: 'wrong',
      mismatches: {
        count: 1,
        items: [{ userId: 'bob', balance: '106', expected: '105', records: 1 }],
      },
    },
  });
});

test('a balance without records is found', async () => {
  await tables.putBalance('alice', { N: '7' });

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: { mismatches: { items: [{ balance: '7', expected: '100', records: 0 }] } },
  });
});

test('records without a balance are found', async () => {
  await tables.putRecord('order-1', 'alice');

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: { mismatches: { items: [{ balance: null, expected: '105', records: 1 }] } },
  });
});

test('a balance below zero is found', async () => {
  await tables.putRecord('order-1', 'alice', { amount: { N: '101' }, type: { S: 'debit' } });
  await tables.putBalance('alice', { N: '-1' });

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: {
      mismatches: NOTHING,
      heldMismatches: NOTHING,
      negatives: { count: 1, items: [{ userId: 'alice', balance: '-1' }] },
    },
  });
});

test.each([
  [{ amount: { N: '-5' } }, 'amount must be a number greater than 0'],
  [{ amount: { S: '5' } }, 'amount must be a number greater than 0'],
  [{ type: { S: 'gift' } }, 'type must be either "credit" or "debit"'],
  [{ userId: { N: '7' } }, 'userId must be a string'],
  [{ timestamp: { S: 'yesterday' } }, 'timestamp must be a time in ISO 8601 and UTC'],
])('a record with %j is malformed', async (changes: Item, complaint) => {
  await tables.putRecord('order-1', 'alice', changes);

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: {
      malformed: { count: 1, items: [{ table: 'transactionsTable', key: 'order-1', complaint }] },
    },
  });
});

test('a balance that is not a number is malformed', async () => {
  await tables.putBalance('alice', { S: '100' });

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: {
      malformed: { items: [{ table: 'balancesTable', key: 'alice' }] },
      mismatches: NOTHING,
      heldMismatches: NOTHING,
    },
  });
});

test('differences that a double could not hold are found', async () => {
  const stored = '1234567890123456789012345678901234567';
  await tables.putRecord('order-1', 'alice', { amount: { N: stored } });
  await tables.putBalance('alice', { N: stored });

  await expect(tables.audit('--default-balance', '0')).resolves.toMatchObject({ exitCode: 0 });
  await expect(tables.audit('--default-balance', '1')).resolves.toMatchObject({
    exitCode: 1,
    document: {
      mismatches: {
        items: [{ balance: stored, expected: '1234567890123456789012345678901234568' }],
      },
    },
  });
});

test('with another default balance than the application’s it says which one fits', async () => {
  for (const user of ['alice', 'bob']) {
    await tables.putRecord(`credit-${user}`, user, { amount: { N: '5' } });
    await tables.putBalance(user, { N: '5' });
  }

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 1,
    document: { defaultBalance: '100', fittingDefaultBalance: '0', mismatches: { count: 2 } },
  });
  const { output } = await tables.auditForPeople();
  expect(output).toContain('run the audit again with --default-balance 0');
  await expect(tables.audit('--default-balance', '0')).resolves.toMatchObject({ exitCode: 0 });
});

test('swapped tables are named, instead of a finding for each item', async () => {
  await tables.putRecord('credit-1', 'alice', { amount: { N: '5' } });
  await tables.putBalance('alice', { N: '105' });
  const { balancesTable, transactionsTable } = tables;
  const swapped = ['--balances-table', transactionsTable, '--transactions-table', balancesTable];

  await expect(runForJson(['audit', ...swapped])).resolves.toMatchObject({
    exitCode: 7,
    document: {
      error: { code: 'TABLE_MISMATCH', message: expect.stringContaining('swapped') },
    },
  });
});

test('tables of many pages are read to the end', async () => {
  // Some 4 MB: a page is 1 MB.
  const users = Array.from({ length: 50 }, (_, index) => `${index}-${'x'.repeat(1800)}`);
  for (const userId of users) {
    const records = Array.from({ length: 25 }, (_, index) => ({
      PutRequest: {
        Item: {
          idempotentKey: { S: `${userId}/${index}` },
          userId: { S: userId },
          amount: { N: '0.1' },
          type: { S: 'credit' },
          timestamp: { S: '2024-02-29T12:34:56.789Z' },
        },
      },
    }));
    const RequestItems = { [tables.transactionsTable]: records };
    await database.send(new BatchWriteItemCommand({ RequestItems }));
    await tables.putBalance(userId, { N: '102.5' });
  }

  await expect(tables.audit()).resolves.toMatchObject({
    exitCode: 0,
    document: { users: 50, records: 1250 },
  });
});

test('while money moves there is no false alarm', async () => {
  let isOver = false;
  const traffic = Array.from({ length: 8 }, async (_, lane) => {
    for (let turn = 0; !isOver; turn += 1) {
      await tables.move(`user-${lane}`, 1, turn % 2 === 0 ? 'credit' : 'debit');
    }
  });
  await tables.putBalance('quiet', { N: '7' });

  const { exitCode, document } = await tables.audit();
  isOver = true;
  await Promise.all(traffic);

  expect(exitCode).toBe(1);
  expect(document['mismatches']).toEqual({
    count: 1,
    items: [{ userId: 'quiet', balance: '7', expected: '100', records: 0 }],
  });
  await tables.putBalance('quiet', { N: '100' });
  await expect(tables.audit()).resolves.toMatchObject({ document: { verdict: 'right' } });
});

describe('at the wire', () => {
  let wire: Wire;

  afterEach(async () => {
    await wire.close();
  });

  test('whoever moves between all passes is busy, and not called wrong', async () => {
    // An answer per reading of the records, each with one record more than the one before.
    let passes = 0;
    wire = await openWire((_, { operation, body }) => {
      const isFirstSegment = JSON.parse(body).Segment === 0;
      if (operation === 'Scan' && body.includes(tables.transactionsTable) && isFirstSegment) {
        passes += 1;
        const Items = Array.from({ length: passes }, (__, index) => ({
          idempotentKey: { S: `order-${index}` },
          userId: { S: 'alice' },
          amount: { N: '5' },
          type: { S: 'credit' },
          timestamp: { S: '2024-02-29T12:34:56.789Z' },
        }));
        return { status: 200, body: JSON.stringify({ Items, Count: passes }) };
      }
      return 'forward';
    });

    await expect(tables.audit('--endpoint', wire.endpoint)).resolves.toMatchObject({
      exitCode: 6,
      document: { verdict: 'busy', passes: 4, mismatches: NOTHING, busy: { items: ['alice'] } },
    });
  });

  test('throttled reads are repeated', async () => {
    wire = await openWire((index) =>
      index % 3 === 0 ? serviceError('ProvisionedThroughputExceededException') : 'forward',
    );

    await expect(tables.audit('--endpoint', wire.endpoint)).resolves.toMatchObject({
      exitCode: 0,
    });
  });

  test('reads whose answers are lost are repeated', async () => {
    wire = await openWire((index) => (index % 3 === 0 ? 'lose the answer' : 'forward'));

    await expect(tables.audit('--endpoint', wire.endpoint)).resolves.toMatchObject({
      exitCode: 0,
    });
  });

  test('a page without items that nobody emptied is no empty page', async () => {
    wire = await openWire((_, { operation }) =>
      operation === 'Scan' ? { status: 200, body: '{}' } : 'forward',
    );

    await expect(tables.audit('--endpoint', wire.endpoint)).resolves.toMatchObject({
      exitCode: 6,
      document: {
        error: {
          code: 'NOTHING_HAPPENED',
          message: expect.stringContaining('is not an answer of this operation'),
        },
      },
    });
  });

  test('without permission to scan there is no verdict', async () => {
    wire = await openWire((_, { operation }) =>
      operation === 'Scan' ? serviceError('AccessDeniedException') : 'forward',
    );

    await expect(tables.audit('--endpoint', wire.endpoint)).resolves.toMatchObject({
      exitCode: 7,
      document: { error: { code: 'ACCESS_DENIED' } },
    });
  });

  test('it sends nothing but reads', async () => {
    await tables.putBalance('alice', { N: '7' });
    wire = await openWire();
    await tables.audit('--endpoint', wire.endpoint);

    expect([...new Set(wire.passed.map(({ operation }) => operation))].sort()).toEqual([
      'BatchGetItem',
      'DescribeTable',
      'Scan',
    ]);
  });

  test('Ctrl-C ends it without a verdict', async () => {
    const { arrival: after, ...hanging } = await openHangingWire();
    wire = hanging;

    await expect(
      runForJson(['audit', '--endpoint', wire.endpoint], { signal: { name: 'SIGINT', after } }),
    ).resolves.toMatchObject({
      exitCode: 130,
      document: { error: { code: 'INTERRUPTED', message: expect.stringContaining('no verdict') } },
    });
  });
});

test('a missing table is named', async () => {
  await expect(
    runForJson(['audit', '--transactions-table', fresh('Missing')]),
  ).resolves.toMatchObject({ exitCode: 7, document: { error: { code: 'TABLE_NOT_FOUND' } } });
});
