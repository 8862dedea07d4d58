// The history on the command line: a table for people, one JSON object a line for machines.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { BalanceClient } from 'dynamodb-balance';

import { runCommand, runForJson } from './harness/command-line';
import { START, userWith } from './harness/history';
import { putRecord, tables } from './harness/history-tables';
import { fresh } from './harness/tables';
import { describedTable, openHangingWire, openWire, serviceError, type Wire } from './harness/wire';

const OPTIONS = [
  ...['--balances-table', tables.balancesTable],
  ...['--transactions-table', tables.transactionsTable],
];

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

function history(user: string, ...options: string[]): string[] {
  return ['history', user, ...OPTIONS, ...options];
}

/** The objects of an output with one on each line. */
async function linesOf(commandArguments: string[]): Promise<Record<string, unknown>[]> {
  const { exitCode, output, complaints } = await runCommand([...commandArguments, '--json']);
  expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function keysOf(...commandArguments: string[]): Promise<unknown[]> {
  return (await linesOf(commandArguments)).map(({ idempotentKey }) => idempotentKey);
}

describe('for people', () => {
  test('a table with exact amounts, aligned at the point', async () => {
    const userId = fresh('user');
    const amounts = ['1', '0.000000001', '12345678901234567890.25'];
    for (const [index, N] of amounts.entries()) {
      await putRecord({
        idempotentKey: { S: `${userId}-${index}` },
        userId: { S: userId },
        amount: { N },
        type: { S: index === 1 ? 'debit' : 'credit' },
        timestamp: { S: new Date(START + index).toISOString() },
        ...(index === 0 && { metadata: { M: { order: { S: '17' } } } }),
      });
    }

    await expect(runCommand(history(userId))).resolves.toEqual({
      exitCode: 0,
      output: [
        `TIME                      TYPE                            AMOUNT  KEY`,
        `2024-05-06T07:08:09.002Z  credit  12345678901234567890.25         "${userId}-2"`,
        `2024-05-06T07:08:09.001Z  debit                      0.000000001  "${userId}-1"`,
        `2024-05-06T07:08:09.000Z  credit                     1            "${userId}-0"  order="17"`,
        '',
      ].join('\n'),
      complaints: '',
    });
  });

  test('a user without transactions', async () => {
    await expect(runCommand(history(fresh('user')))).resolves.toMatchObject({
      exitCode: 0,
      output: 'No transactions.\n',
    });
  });

  test('nothing that a terminal would act upon', async () => {
    const userId = fresh('user');
    await putRecord({
      idempotentKey: { S: `${userId}\u001B[2J` },
      userId: { S: userId },
      amount: { S: '\u001B]0;x' },
      type: { S: 'a\nb' },
      timestamp: { S: 'now\u202E' },
      metadata: { M: { '\u001B[A': { S: '\u0007' } } },
    });
    const { exitCode, output } = await runCommand(history(userId));

    expect(exitCode).toBe(0);
    expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(output.split('\n')).toHaveLength(3);
    expect(output).toContain('malformed');
  });

  test('that there are more than were asked for', async () => {
    const { userId } = await userWith(3);

    await expect(runCommand(history(userId, '--limit', '2'))).resolves.toMatchObject({
      output: expect.stringMatching(/There are more than 2: see --limit\.\n$/),
    });
    await expect(runCommand(history(userId, '--limit', '3'))).resolves.toMatchObject({
      output: expect.not.stringContaining('There are more'),
    });
  });
});

describe('--json', () => {
  test('is a transaction a line, newest first', async () => {
    const { userId, keys } = await userWith(2);

    await expect(linesOf(history(userId))).resolves.toEqual([
      {
        idempotentKey: keys[1],
        userId,
        amount: '2',
        type: 'credit',
        timestamp: '2024-05-06T07:08:10.000Z',
      },
      {
        idempotentKey: keys[0],
        userId,
        amount: '1',
        type: 'credit',
        timestamp: '2024-05-06T07:08:09.000Z',
      },
    ]);
  });

  test('of a user without transactions is nothing', async () => {
    await expect(linesOf(history(fresh('user')))).resolves.toEqual([]);
  });

  test('of an error is one line', async () => {
    const { exitCode, output } = await runCommand(history('', '--json'));

    expect(exitCode).toBe(2);
    expect(output).toMatch(/^\{"error":\{"code":"INVALID_USER_ID".*\}\}\n$/);
  });
});

describe('options', () => {
  let userId: string;
  let keys: string[];

  beforeAll(async () => {
    ({ userId, keys } = await userWith(5));
  });

  test('--order', async () => {
    await expect(keysOf(...history(userId, '--order', 'oldest'))).resolves.toEqual(keys);
  });

  test('--limit', async () => {
    await expect(keysOf(...history(userId, '--order', 'oldest', '--limit', '3'))).resolves.toEqual(
      keys.slice(0, 3),
    );
  });

  test.each([
    ['2024-05-06T07:08:11Z', '2024-05-06T07:08:13Z', [2, 3]],
    ['2024-05-06T09:08:11.000+02:00', '2024-05-06T03:08:13-04:00', [2, 3]],
    ['2024-05-06T07:08Z', '2024-05-06T07:09Z', [0, 1, 2, 3, 4]],
    ['2024-05-06', '2024-05-07', [0, 1, 2, 3, 4]],
    ['2024-05-07', '2024-05-08', []],
    ['2024-02-29', '2024-05-06', []],
  ])('--from %s --to %s', async (from, to, expected) => {
    await expect(
      keysOf(...history(userId, '--order', 'oldest', '--from', from, '--to', to)),
    ).resolves.toEqual(expected.map((index) => keys[index]));
  });

  test('more than a page is read page by page', async () => {
    const { userId: busy, keys: all } = await userWith(1003);

    await expect(keysOf(...history(busy, '--order', 'oldest', '--limit', '1002'))).resolves.toEqual(
      all.slice(0, 1002),
    );
  });

  test.each([
    ['--from', '2024-02-30'],
    ['--from', '2024-05-06T07:08:09'],
    ['--from', 'yesterday'],
    ['--to', '06.05.2024'],
    ['--to', '1714979289000'],
    ['--to', ''],
    ['--limit', '0'],
    ['--limit', '-1'],
    ['--limit', '1.5'],
    ['--limit', '1e3'],
    ['--limit', '99999999999999999999'],
    ['--order', 'random'],
  ])('%s %j is refused before anything is sent', async (option, value) => {
    wire = await openWire();
    const { exitCode, document } = await runForJson(
      history('user', `${option}=${value}`, '--endpoint', wire.endpoint),
    );

    expect(exitCode).toBe(2);
    expect(document).toMatchObject({
      error: { code: 'USAGE', message: expect.stringContaining(option) },
    });
    expect(wire.passed).toEqual([]);
  });

  test('--from after --to is refused with the library’s words', async () => {
    await expect(
      runForJson(history('user', '--from', '2024-05-07', '--to', '2024-05-06')),
    ).resolves.toMatchObject({ exitCode: 2, document: { error: { code: 'INVALID_INPUT' } } });
  });
});

describe('what stands in the way', () => {
  test('a missing index is exit code 7', async () => {
    const others = { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
    await new BalanceClient(others).createTables();

    await expect(
      runForJson(['history', 'user', '--transactions-table', others.transactionsTable]),
    ).resolves.toMatchObject({ exitCode: 7, document: { error: { code: 'INDEX_NOT_FOUND' } } });
  });

  test('missing permission is exit code 7', async () => {
    wire = await openWire(() => serviceError('AccessDeniedException'));

    await expect(runForJson(history('user', '--endpoint', wire.endpoint))).resolves.toMatchObject({
      exitCode: 7,
      document: { error: { code: 'ACCESS_DENIED' } },
    });
  });

  test('Ctrl-C is exit code 130', async () => {
    const { arrival: after, ...hanging } = await openHangingWire();
    wire = hanging;

    await expect(
      runForJson(history('user', '--endpoint', wire.endpoint), {
        signal: { name: 'SIGINT', after },
      }),
    ).resolves.toMatchObject({ exitCode: 130, document: { error: { code: 'INTERRUPTED' } } });
  });

  test('a reader that goes away ends it, and is no error', async () => {
    const { userId } = await userWith(1);
    wire = await openWire((_index, { operation }) => {
      expect(operation).toBe('Query');
      return 'forward';
    });
    const main = join(__dirname, '..', 'cli', 'main.js');
    const child = spawn(process.execPath, [
      main,
      ...history(userId, '--json', '--endpoint', wire.endpoint),
    ]);
    child.stdout.destroy();
    const [exitCode] = await once(child, 'close');

    expect(exitCode).toBe(0);
  });
});

describe('tables', () => {
  const names = () => {
    const [balances, transactions] = [fresh('Balances'), fresh('Transactions')];
    return {
      transactions,
      options: ['--balances-table', balances, '--transactions-table', transactions],
    };
  };

  test('create --history makes them with the index, and can be run again', async () => {
    const { options } = names();
    for (let run = 0; run < 2; run += 1) {
      await expect(
        runCommand(['tables', 'create', '--history', ...options]),
      ).resolves.toMatchObject({
        exitCode: 0,
        output: 'Both tables and the history can be used.\n',
      });
    }

    await expect(runForJson(['tables', 'check', ...options])).resolves.toMatchObject({
      exitCode: 0,
      document: {
        ready: true,
        tables: [{}, { history: { index: 'UserHistory', status: 'ACTIVE', ready: true } }],
      },
    });
  });

  test('create without --history makes none, and check says so without complaining', async () => {
    const { options } = names();
    await runCommand(['tables', 'create', ...options]);

    await expect(runForJson(['tables', 'check', ...options])).resolves.toMatchObject({
      exitCode: 0,
      document: {
        ready: true,
        tables: [
          { ready: true },
          { ready: true, history: { status: 'ABSENT', ready: false, code: 'INDEX_NOT_FOUND' } },
        ],
      },
    });
    await expect(runCommand(['tables', 'check', ...options])).resolves.toMatchObject({
      exitCode: 0,
      output: expect.stringMatching(/no index "UserHistory".*tables create --history/),
    });
  });

  test('create --history adds it to tables that are there', async () => {
    const { options } = names();
    await runCommand(['tables', 'create', ...options]);
    await runCommand(['tables', 'create', '--history', ...options]);

    await expect(runCommand(['tables', 'check', ...options])).resolves.toMatchObject({
      exitCode: 0,
      output: expect.stringContaining('Index UserHistory can be used.'),
    });
  });

  test('create --history says what DynamoDB is doing', async () => {
    const index = (IndexStatus: string, Backfilling: boolean) => ({
      AttributeDefinitions: ['idempotentKey', 'userId', 'timestamp'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'UserHistory',
          KeySchema: [
            { AttributeName: 'userId', KeyType: 'HASH' },
            { AttributeName: 'timestamp', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
          IndexStatus,
          Backfilling,
        },
      ],
    });
    let looks = 0;
    wire = await openWire((_index, { body }) => {
      if (JSON.parse(body).TableName === 'UserBalances') {
        return describedTable('UserBalances', 'userId');
      }
      looks += 1;
      const state = looks < 4 ? index('CREATING', looks > 2) : index('ACTIVE', false);
      return describedTable('Transactions', 'idempotentKey', state);
    });
    const { exitCode, output, complaints } = await runCommand([
      ...['tables', 'create', '--history', '--endpoint', wire.endpoint],
    ]);

    expect({ exitCode, output }).toEqual({
      exitCode: 0,
      output: 'Both tables and the history can be used.\n',
    });
    expect(complaints).toBe('Index UserHistory: CREATING, adding the records that are there\n');
  });
});
