// The tables: made on request, left alone and checked where they exist, and explained where they
// are missing.

import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { describedTable, openWire, serviceError, type Wire } from './harness/wire';

const database = new DynamoDBClient({});

afterAll(() => database.destroy());

function freshTables(): { balancesTable: string; transactionsTable: string } {
  return { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
}

async function describeTable(TableName: string) {
  return (await database.send(new DescribeTableCommand({ TableName }))).Table;
}

async function createTable(TableName: string, AttributeName: string, AttributeType: 'S' | 'N') {
  await database.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName, AttributeType }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
}

test('createTables makes both, with on-demand billing, ready for use', async () => {
  const tables = freshTables();
  await new BalanceClient(tables).createTables();

  await expect(describeTable(tables.balancesTable)).resolves.toMatchObject({
    KeySchema: [{ AttributeName: 'userId', KeyType: 'HASH' }],
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    TableStatus: 'ACTIVE',
  });
  await expect(describeTable(tables.transactionsTable)).resolves.toMatchObject({
    KeySchema: [{ AttributeName: 'idempotentKey', KeyType: 'HASH' }],
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    TableStatus: 'ACTIVE',
  });
});

test('createTables leaves existing tables and what they hold alone', async () => {
  const client = new BalanceClient(freshTables());
  await client.createTables();
  const userId = fresh('user');
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });
  await client.createTables();

  await expect(client.getCurrentBalance({ userId })).resolves.toBe(101);
});

test('createTables goes on through lost answers and a busy service', async () => {
  const wire = await openWire((index) => {
    const odd = index % 4;
    return odd === 1
      ? 'lose the answer'
      : odd === 3
        ? serviceError('LimitExceededException')
        : 'forward';
  });
  const tables = freshTables();
  await new BalanceClient({ ...tables, endpoint: wire.endpoint }).createTables();
  await wire.close();

  await expect(describeTable(tables.balancesTable)).resolves.toBeDefined();
  await expect(describeTable(tables.transactionsTable)).resolves.toBeDefined();
});

test('createTables gives up after ten attempts and says that calling again is safe', async () => {
  const wire = await openWire(() => serviceError('ThrottlingException'));
  const client = new BalanceClient({ ...freshTables(), endpoint: wire.endpoint });
  const error: unknown = await client.createTables().catch((error: unknown) => error);
  await wire.close();

  expect(error).toMatchObject({
    code: 'SERVICE_ERROR',
    message: expect.stringMatching(/ThrottlingException\. It is safe to call again\.$/),
  });
  expect(wire.passed).toHaveLength(10);
});

test('createTables can be called by several processes at once', async () => {
  const tables = freshTables();

  await expect(
    Promise.all([1, 2, 3].map(() => new BalanceClient(tables).createTables())),
  ).resolves.toEqual([undefined, undefined, undefined]);
});

test('calls that follow createTables() at once wait for the tables', async () => {
  const client = new BalanceClient(freshTables());
  const userId = fresh('user');
  const made = client.createTables();
  const calls = [
    client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' }),
    client.transact({
      idempotentKey: fresh('key'),
      userId: fresh('user'),
      amount: 1,
      type: 'debit',
    }),
    client.getCurrentBalance({ userId: fresh('user') }),
  ];

  await expect(Promise.all(calls)).resolves.toEqual([undefined, undefined, 100]);
  await expect(made).resolves.toBeUndefined();
  await expect(client.getCurrentBalance({ userId })).resolves.toBe(101);
});

test('tables that a call has just missed are found as soon as they are made', async () => {
  const tables = freshTables();
  const client = new BalanceClient(tables);
  const userId = fresh('user');
  await expect(client.getCurrentBalance({ userId })).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
  });
  await client.createTables();

  await expect(client.getCurrentBalance({ userId })).resolves.toBe(100);
});

test.each([
  ['another key', 'id', 'S'],
  ['a key of another type', 'idempotentKey', 'N'],
] as const)('a table with %s is an error, and nothing is made', async (_name, key, type) => {
  const tables = freshTables();
  await createTable(tables.transactionsTable, key, type);

  await expect(new BalanceClient(tables).createTables()).rejects.toMatchObject({
    code: 'TABLE_MISMATCH',
    message: expect.stringMatching(
      new RegExp(`${tables.transactionsTable}.*${key} \\(HASH, ${type}\\).*idempotentKey`),
    ),
  });
  await expect(describeTable(tables.balancesTable)).rejects.toThrow();
});

describe('a table that DynamoDB does not serve yet', () => {
  const input = { userId: 'user', amount: 1, type: 'credit' } as const;
  const KEYS: Record<string, string> = { UserBalances: 'userId', Transactions: 'idempotentKey' };
  let wire: Wire;

  afterEach(() => wire.close());

  /** A wire on which so many requests for data find no table, of which this is said. */
  async function openYoungWire(refusals: number, fields: object): Promise<BalanceClient> {
    let left = refusals;
    wire = await openWire((_index, { operation, body }) => {
      if (operation === 'DescribeTable') {
        const name = String(JSON.parse(body).TableName);
        return describedTable(name, String(KEYS[name]), fields);
      }
      left -= 1;
      return left >= 0 ? serviceError('ResourceNotFoundException') : 'forward';
    });
    return new BalanceClient({ endpoint: wire.endpoint, callTimeout: 4000 });
  }

  test.each(['ACTIVE', 'UPDATING', 'CREATING'])(
    'calls are tried again while it is %s',
    async (TableStatus) => {
      const client = await openYoungWire(4, { TableStatus });
      const userId = fresh('user');
      await client.transact({ ...input, userId, idempotentKey: fresh('key') });

      await expect(client.getCurrentBalance({ userId })).resolves.toBe(101);
    },
  );

  test('a read is tried again', async () => {
    const client = await openYoungWire(3, {});

    await expect(client.getCurrentBalance({ userId: fresh('user') })).resolves.toBe(100);
  });

  test('thousands of calls look at the tables together', async () => {
    const users = Array.from({ length: 2000 }, () => fresh('user'));
    const began = performance.now();
    const client = await openYoungWire(30, {});
    const calls = users.map((userId) =>
      client.transact({ ...input, userId, idempotentKey: fresh('key') }),
    );
    await Promise.allSettled(calls);
    const looks = wire.passed.filter(({ operation }) => operation === 'DescribeTable').length;

    expect(looks).toBeGreaterThan(0);
    // Two requests a look, five looks a second.
    expect(looks).toBeLessThanOrEqual(2 + 10 * ((performance.now() - began) / 1000));
  });

  test('past the call’s deadline nothing happened, for the reason that is given', async () => {
    const client = await openYoungWire(Number.POSITIVE_INFINITY, {});
    const calls = [
      client.transact({ ...input, idempotentKey: fresh('key') }),
      client.getCurrentBalance({ userId: 'user' }),
    ];

    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'NOTHING_HAPPENED',
        retryable: true,
        message: expect.stringContaining('does not serve them yet'),
      });
    }
  });

  test('a table found absent a moment before is looked for again', async () => {
    let requests = 0;
    let isMade = false;
    wire = await openWire((_index, { operation, body }) => {
      if (operation === 'DescribeTable') {
        const name = String(JSON.parse(body).TableName);
        return isMade
          ? describedTable(name, String(KEYS[name]))
          : serviceError('ResourceNotFoundException');
      }
      requests += 1;
      return requests <= 2 ? serviceError('ResourceNotFoundException') : 'forward';
    });
    const client = new BalanceClient({ endpoint: wire.endpoint });
    const userId = fresh('user');
    await expect(client.getCurrentBalance({ userId })).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
    });
    isMade = true;

    await expect(client.getCurrentBalance({ userId })).resolves.toBe(100);
  });

  test('one that is being deleted is missing', async () => {
    const client = await openYoungWire(1, { TableStatus: 'DELETING' });

    await expect(client.getCurrentBalance({ userId: 'user' })).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
    });
  });

  test('without an answer to what is missing, either may be it, and soon', async () => {
    wire = await openWire((_index, { operation }) =>
      operation === 'DescribeTable' ? 'hang' : serviceError('ResourceNotFoundException'),
    );
    const began = performance.now();

    await expect(
      new BalanceClient({ endpoint: wire.endpoint }).transact({
        ...input,
        idempotentKey: fresh('key'),
      }),
    ).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: expect.stringContaining('"UserBalances" or "Transactions"'),
    });
    expect(performance.now() - began).toBeLessThan(4000);
  });
});

describe('without tables', () => {
  const userId = fresh('user');
  const input = { idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' } as const;

  test('a read says which table is missing, where, and how to make it', async () => {
    const tables = freshTables();
    const client = new BalanceClient({ ...tables, region: 'eu-west-1' });

    await expect(client.getCurrentBalance({ userId })).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(
          `"${tables.balancesTable}".* in region eu-west-1 .*createTables\\(\\).*` +
            `aws dynamodb create-table --table-name ${tables.balancesTable} .*--region eu-west-1`,
        ),
      ),
    });
  });

  test('a transaction names only the table that is missing', async () => {
    const tables = freshTables();
    await createTable(tables.balancesTable, 'userId', 'S');
    const outcome = expect(new BalanceClient(tables).transact(input)).rejects;

    await outcome.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`^Table not found: "${tables.transactionsTable}" in region`),
      ),
    });
  });
});
