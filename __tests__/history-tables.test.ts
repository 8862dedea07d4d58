// The index that the history is read from: made on request, added to tables that are there, left alone
// and checked where it exists, and explained where it is missing.

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { BalanceClient, type CreateTablesOptions } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { type Answer, describedTable, openWire, serviceError, type Wire } from './harness/wire';

const database = new DynamoDBClient({});

afterAll(() => database.destroy());

const KEYS = [
  { AttributeName: 'userId', KeyType: 'HASH' },
  { AttributeName: 'timestamp', KeyType: 'RANGE' },
] as const;

function freshTables(): { balancesTable: string; transactionsTable: string } {
  return { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
}

async function describeTable(TableName: string) {
  return (await database.send(new DescribeTableCommand({ TableName }))).Table;
}

async function indexesOf(TableName: string) {
  const table = await describeTable(TableName);
  return (table?.GlobalSecondaryIndexes ?? []).map(
    ({ IndexName, IndexStatus, KeySchema, Projection }) => ({
      name: IndexName,
      status: IndexStatus,
      keys: KeySchema,
      projection: Projection?.ProjectionType,
    }),
  );
}

const INDEX = { name: 'UserHistory', status: 'ACTIVE', keys: KEYS, projection: 'ALL' };

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

describe('createTables({ history: true })', () => {
  test('makes the tables with the index, ready for use', async () => {
    const tables = freshTables();
    const client = new BalanceClient(tables);
    await client.createTables({ history: true });

    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([INDEX]);
    await expect(indexesOf(tables.balancesTable)).resolves.toEqual([]);
    await expect(client.listTransactions({ userId: 'user' })).resolves.toEqual({
      transactions: [],
    });
  });

  test('adds the index to existing tables, with the transactions that are there', async () => {
    const tables = freshTables();
    const client = new BalanceClient(tables);
    await client.createTables();
    const userId = fresh('user');
    await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });
    await client.createTables({ history: true });

    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([INDEX]);
    await expect(client.listTransactions({ userId })).resolves.toMatchObject({
      transactions: [{ userId, amount: '1', type: 'credit' }],
    });
  });

  test('can be called again, and by several processes at once', async () => {
    const tables = freshTables();
    await new BalanceClient(tables).createTables();
    await Promise.all(
      [1, 2, 3].map(() => new BalanceClient(tables).createTables({ history: true })),
    );
    await new BalanceClient(tables).createTables({ history: true });

    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([INDEX]);
  });

  test('goes on through lost answers and a busy service', async () => {
    wire = await openWire((index) =>
      index % 4 === 1
        ? 'lose the answer'
        : index % 4 === 3
          ? serviceError('LimitExceededException')
          : 'forward',
    );
    const tables = freshTables();
    await new BalanceClient(tables).createTables();
    await new BalanceClient({ ...tables, endpoint: wire.endpoint }).createTables({ history: true });

    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([INDEX]);
  });
});

test.each([[undefined], [{}], [{ history: false }], [{ history: undefined }]])(
  'createTables(%p) makes no index, and leaves one that is there alone',
  async (options) => {
    const tables = freshTables();
    const client = new BalanceClient(tables);
    await client.createTables(options as CreateTablesOptions);
    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([]);
    await client.createTables({ history: true });
    await client.createTables(options as CreateTablesOptions);

    await expect(indexesOf(tables.transactionsTable)).resolves.toEqual([INDEX]);
  },
);

describe('an index of that name is TABLE_MISMATCH, and nothing is made,', () => {
  const attribute = (AttributeName: string, AttributeType: 'S' | 'N') => ({
    AttributeName,
    AttributeType,
  });
  const odd: [string, Pick<CreateTableCommandInput, 'AttributeDefinitions'>, object, RegExp][] = [
    [
      'with another partition key',
      { AttributeDefinitions: [attribute('type', 'S'), attribute('timestamp', 'S')] },
      { KeySchema: [{ AttributeName: 'type', KeyType: 'HASH' }, KEYS[1]] },
      /type \(HASH, S\) and timestamp \(RANGE, S\).*needs userId/,
    ],
    [
      'without a sort key',
      { AttributeDefinitions: [attribute('userId', 'S')] },
      { KeySchema: [KEYS[0]] },
      /userId \(HASH, S\) and the projection/,
    ],
    [
      'with a key of another type',
      { AttributeDefinitions: [attribute('userId', 'S'), attribute('timestamp', 'N')] },
      { KeySchema: KEYS },
      /timestamp \(RANGE, N\)/,
    ],
    [
      'without all attributes',
      { AttributeDefinitions: [attribute('userId', 'S'), attribute('timestamp', 'S')] },
      { KeySchema: KEYS, Projection: { ProjectionType: 'KEYS_ONLY' } },
      /projection KEYS_ONLY.*ALL/,
    ],
  ];

  test.each(odd)('%s', async (_name, { AttributeDefinitions = [] }, index, complaint) => {
    const tables = freshTables();
    const definition = {
      IndexName: 'UserHistory',
      Projection: { ProjectionType: 'ALL' },
      ...index,
    };
    await database.send(
      new CreateTableCommand({
        TableName: tables.transactionsTable,
        KeySchema: [{ AttributeName: 'idempotentKey', KeyType: 'HASH' }],
        AttributeDefinitions: [attribute('idempotentKey', 'S'), ...AttributeDefinitions],
        BillingMode: 'PAY_PER_REQUEST',
        GlobalSecondaryIndexes: [definition],
      } as CreateTableCommandInput),
    );
    const before = await describeTable(tables.transactionsTable);

    await expect(new BalanceClient(tables).createTables({ history: true })).rejects.toMatchObject({
      code: 'TABLE_MISMATCH',
      message: expect.stringMatching(complaint),
    });
    await expect(describeTable(tables.balancesTable)).rejects.toThrow();
    await expect(describeTable(tables.transactionsTable)).resolves.toEqual(before);
    // Whoever does not ask for the history does not care.
    await expect(new BalanceClient(tables).createTables()).resolves.toBeUndefined();
  });
});

describe('wrong options are refused by name, and nothing is sent:', () => {
  test.each([
    [{ histroy: true }, 'histroy is not an option of createTables; there are history and holds'],
    [{ history: true, wait: 5 }, 'wait is not an option'],
    [{ history: 'yes' }, 'history must be true or false, not a string'],
    [{ history: null }, 'history must be true or false, not null'],
    [{ history: 1 }, 'history must be true or false, not a number'],
    [null, 'must be an object'],
    [true, 'must be an object'],
  ])('%p', async (options, complaint) => {
    wire = await openWire();
    const client = new BalanceClient({ ...freshTables(), endpoint: wire.endpoint });

    await expect(client.createTables(options as CreateTablesOptions)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(complaint),
    });
    expect(wire.passed).toEqual([]);
  });

  test('a getter that throws, with its error', async () => {
    const cause = new Error('mine');
    const options = {
      get history(): boolean {
        throw cause;
      },
    };

    await expect(new BalanceClient().createTables(options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      cause,
    });
  });
});

describe('while DynamoDB builds the index', () => {
  /** Two tables; the index of that of transactions has one status after the other. */
  async function openBuildingWire(
    statuses: (string | undefined)[],
    update: Answer = { status: 200, body: JSON.stringify({ TableDescription: {} }) },
    fields: object = {},
  ): Promise<BalanceClient> {
    const left = [...statuses];
    wire = await openWire((_index, { operation, body }) => {
      if (operation === 'UpdateTable') {
        return update;
      }
      if (JSON.parse(body).TableName === 'UserBalances') {
        return describedTable('UserBalances', 'userId');
      }
      const IndexStatus = left.length > 1 ? left.shift() : left[0];
      return describedTable('Transactions', 'idempotentKey', {
        AttributeDefinitions: ['idempotentKey', 'userId', 'timestamp'].map((AttributeName) => ({
          AttributeName,
          AttributeType: 'S',
        })),
        ...(IndexStatus && {
          GlobalSecondaryIndexes: [
            {
              IndexName: 'UserHistory',
              IndexStatus,
              Backfilling: IndexStatus === 'CREATING',
              KeySchema: KEYS,
              Projection: { ProjectionType: 'ALL' },
            },
          ],
        }),
        ...fields,
      });
    });
    return new BalanceClient({ endpoint: wire.endpoint });
  }

  const updates = () => wire?.passed.filter(({ operation }) => operation === 'UpdateTable') ?? [];

  test('createTables waits until it is active', async () => {
    // Checked, seen as active, and then looked at for the index.
    const client = await openBuildingWire([
      ...[undefined, undefined, undefined],
      ...['CREATING', 'CREATING', 'ACTIVE'],
    ]);
    await client.createTables({ history: true });

    expect(updates()).toHaveLength(1);
    expect(JSON.parse(updates()[0]?.body ?? '')).toMatchObject({
      TableName: 'Transactions',
      GlobalSecondaryIndexUpdates: [
        { Create: { IndexName: 'UserHistory', Projection: { ProjectionType: 'ALL' } } },
      ],
    });
    expect(wire?.passed.at(-1)?.operation).toBe('DescribeTable');
  });

  test('an index that somebody else is adding is waited for', async () => {
    const client = await openBuildingWire(['CREATING', 'CREATING', 'CREATING', 'ACTIVE']);
    await client.createTables({ history: true });

    expect(updates()).toEqual([]);
  });

  test('a table that somebody else is changing is asked again', async () => {
    const client = await openBuildingWire(
      [undefined, undefined, undefined, undefined, 'ACTIVE'],
      serviceError('ResourceInUseException'),
    );
    await client.createTables({ history: true });

    expect(updates()).toHaveLength(2);
  });

  test('on a table with provisioned capacity it gets as much', async () => {
    const client = await openBuildingWire([undefined, undefined, undefined, 'ACTIVE'], undefined, {
      ProvisionedThroughput: { ReadCapacityUnits: 7, WriteCapacityUnits: 8 },
    });
    await client.createTables({ history: true });

    expect(JSON.parse(updates()[0]?.body ?? '')).toMatchObject({
      GlobalSecondaryIndexUpdates: [
        {
          Create: { ProvisionedThroughput: { ReadCapacityUnits: 7, WriteCapacityUnits: 8 } },
        },
      ],
    });
  });

  test('a refusal to add it is told', async () => {
    const client = await openBuildingWire([undefined], serviceError('AccessDeniedException'));

    await expect(client.createTables({ history: true })).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
  });

  test('close() waits for createTables', async () => {
    const client = await openBuildingWire(['CREATING', 'CREATING', 'CREATING', 'ACTIVE']);
    let isDone = false;
    void client.createTables({ history: true }).then(() => {
      isDone = true;
    });
    await client.close();

    expect(isDone).toBe(true);
  });
});

describe('without the index', () => {
  test('listing says that it is missing, where, and how to add it', async () => {
    const tables = freshTables();
    const client = new BalanceClient({ ...tables, region: 'eu-west-1' });
    await client.createTables();

    await expect(client.listTransactions({ userId: 'user' })).rejects.toMatchObject({
      code: 'INDEX_NOT_FOUND',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(
          `^Index not found: table "${tables.transactionsTable}" in region eu-west-1 .*` +
            `"UserHistory".*Nothing happened.*createTables\\(\\{ history: true \\}\\)`,
        ),
      ),
    });
  });

  test('and while it is being built, that it is, and how to wait', async () => {
    wire = await openWire(() =>
      serviceError('ValidationException', {
        message: 'Cannot read from backfilling global secondary index: UserHistory',
      }),
    );

    await expect(
      new BalanceClient({ endpoint: wire.endpoint }).listTransactions({ userId: 'user' }),
    ).rejects.toMatchObject({
      code: 'INDEX_NOT_FOUND',
      message: expect.stringMatching(/^Index not ready: .*still being built.*waits until/),
    });
    expect(wire.passed).toHaveLength(1);
  });

  test('without the table, it is the table that is missing', async () => {
    const tables = freshTables();

    await expect(
      new BalanceClient(tables).listTransactions({ userId: 'user' }),
    ).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: expect.stringContaining(tables.transactionsTable),
    });
  });

  test('money moves, and balances are read', async () => {
    const client = new BalanceClient(freshTables());
    await client.createTables();
    const userId = fresh('user');
    await client.transact({ idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' });

    await expect(client.getCurrentBalance({ userId })).resolves.toBe(101);
  });
});
