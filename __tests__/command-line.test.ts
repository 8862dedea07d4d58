// The command line: results on stdout, complaints on stderr, one JSON document with --json, and an
// exit code for everything that a script must treat differently.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { BalanceClient, getCurrentBalance, transact } from 'dynamodb-balance';

import { EXIT_CODES } from '../cli/exit-codes.js';
import type { Warning } from '../cli/native.js';
import { request } from './harness/calls';
import { runCommand, runForJson } from './harness/command-line';
import { balanceItem, fresh, putBalanceItem, record } from './harness/tables';
import {
  type Answer,
  describedTable,
  openHangingWire,
  openWire,
  serviceError,
  type Wire,
} from './harness/wire';

const root = join(__dirname, '..');

function move(changes: Partial<Record<'key' | 'user' | 'amount' | 'type', string>> = {}): string[] {
  const fields = { key: fresh('key'), user: fresh('user'), amount: '30.1', type: 'debit' };
  const merged: Record<string, string> = { ...fields, ...changes };
  return ['transact', ...Object.entries(merged).flatMap(([name, value]) => [`--${name}`, value])];
}

/** The same, and what the user begins with. */
function moveOfNewUser(changes: Parameters<typeof move>[0] = {}): string[] {
  return [...move(changes), '--default-balance', '100'];
}

/** Sign, digits and place of the point, however the decimal is spelt. */
function digits(decimal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(decimal) ?? ['', 'no decimal'];
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  return `${sign}${significant}e${Number(exponent) - fraction.length}`;
}

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

describe('demo', () => {
  /** Nobody listens there, and nothing but this package would be found. */
  const NOWHERE = {
    environment: { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: '' },
  };

  test('tells its story without DynamoDB', async () => {
    const { exitCode, output, complaints } = await runCommand(['demo'], NOWHERE);
    expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
    for (const line of [
      'balance of alice: 69.9',
      'Duplicate transaction: This idempotentKey has already been used.order-17',
      '400 went through, 600 were refused',
      'it is done, and was done once. Balance of bob: 95',
      'right, for 3 users and 406 records',
    ]) {
      expect(output).toContain(line);
    }
  });

  test('--json prints one document of its chapters', async () => {
    const { exitCode, document } = await runForJson(['demo'], NOWHERE);
    expect(exitCode).toBe(0);
    expect(document['chapters']).toHaveLength(9);
  });
});

describe('balance', () => {
  test('prints the balance and nothing else', async () => {
    const user = fresh('user');
    await putBalanceItem({ userId: { S: user }, balance: { N: '30' } });

    await expect(runCommand(['balance', user])).resolves.toEqual({
      exitCode: 0,
      output: '30\n',
      complaints: '',
    });
  });

  test('says on stderr where it goes by a default balance that nobody gave', async () => {
    const user = fresh('user');

    await expect(runCommand(['balance', user])).resolves.toEqual({
      exitCode: 0,
      output: '100\n',
      complaints: expect.stringContaining(`Nothing is stored for user "${user}"`),
    });
    await expect(runCommand(['balance', user, '--default-balance', '0'])).resolves.toEqual({
      exitCode: 0,
      output: '0\n',
      complaints: '',
    });
  });

  test('--json prints one document', async () => {
    const user = fresh('user');

    await expect(runForJson(['balance', user])).resolves.toEqual({
      exitCode: 0,
      document: { userId: user, balance: 100, exists: false },
    });
  });

  test('a user whose name looks like an option goes after two dashes', async () => {
    await expect(runCommand(['balance', '--', '--json'])).resolves.toMatchObject({
      exitCode: 0,
      output: '100\n',
    });
  });

  test('--default-balance is what a user without a balance has', async () => {
    await expect(
      runCommand(['balance', fresh('user'), '--default-balance', '0.5']),
    ).resolves.toMatchObject({ output: '0.5\n' });
  });

  test.each(['12345678901234567890123456789.123456789', '-0.00000000000000000000000000000000001'])(
    'prints every digit of %s, as text and as JSON',
    async (balance) => {
      const user = fresh('user');
      await putBalanceItem({ userId: { S: user }, balance: { N: balance } });

      const text = await runCommand(['balance', user]);
      const json = await runCommand(['balance', user, '--json']);

      expect(digits(text.output.trim())).toBe(digits(balance));
      const [, written = ''] = /"balance": ([^\s,]+),?\n/.exec(json.output) ?? [];
      expect(digits(written)).toBe(digits(balance));
      expect(JSON.parse(json.output)).toEqual({
        userId: user,
        balance: Number(balance),
        exists: true,
      });
    },
  );

  test('a corrupt balance is a refusal', async () => {
    const user = fresh('user');
    await putBalanceItem({ userId: { S: user }, balance: { S: 'plenty' } });

    await expect(runForJson(['balance', user])).resolves.toMatchObject({
      exitCode: 3,
      document: { error: { code: 'CORRUPT_BALANCE', retryable: false } },
    });
  });
});

describe('transact', () => {
  test('moves money and says so', async () => {
    const user = fresh('user');
    const { exitCode, output } = await runCommand(moveOfNewUser({ user, key: `for-${user}` }));

    expect({ exitCode, output }).toEqual({
      exitCode: 0,
      output: `Debited 30.1: user "${user}", key "for-${user}".\n`,
    });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(69.9);
  });

  test('without --default-balance nothing is written for a user without a stored balance', async () => {
    const [user, key] = [fresh('user'), fresh('key')];

    await expect(runForJson(move({ user, key }))).resolves.toMatchObject({
      exitCode: 2,
      document: {
        error: {
          code: 'INVALID_OPTION',
          message: expect.stringMatching(`"${user}".*Nothing was written.*--default-balance`),
        },
      },
    });
    expect(await balanceItem(user)).toBeUndefined();
    expect(await record(key)).toBeUndefined();
  });

  test('a user with a stored balance needs no --default-balance', async () => {
    const user = fresh('user');
    await transact({ ...request(), userId: user, amount: 1, type: 'credit' });

    await expect(runCommand(move({ user }))).resolves.toMatchObject({ exitCode: 0 });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(70.9);
  });

  test('a debit that is not covered is exit code 3, on stderr and with the library’s words', async () => {
    await expect(runCommand(moveOfNewUser({ amount: '100.01' }))).resolves.toEqual({
      exitCode: 3,
      output: '',
      complaints:
        'dynamodb-balance: Insufficient balance: Cannot process debit transaction. [INSUFFICIENT_BALANCE]\n',
    });
  });

  test('the same command again is exit code 4 and moves nothing', async () => {
    const user = fresh('user');
    const command = moveOfNewUser({ user });
    await runCommand(command);

    await expect(runForJson(command)).resolves.toMatchObject({
      exitCode: 4,
      document: { error: { code: 'DUPLICATE_TRANSACTION' } },
    });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(69.9);
  });

  test('the key of another request is exit code 3', async () => {
    const first = request();
    await transact(first);

    await expect(runForJson(moveOfNewUser({ key: first.idempotentKey }))).resolves.toMatchObject({
      exitCode: 3,
      document: { error: { code: 'IDEMPOTENT_KEY_REUSED' } },
    });
  });

  test('Ctrl-C while a request is under way says that the outcome is unknown', async () => {
    const { arrival: after, ...hanging } = await openHangingWire();
    wire = hanging;

    await expect(
      runForJson([...moveOfNewUser(), '--endpoint', wire.endpoint], {
        signal: { name: 'SIGINT', after },
      }),
    ).resolves.toMatchObject({
      exitCode: 5,
      document: { error: { code: 'OUTCOME_UNKNOWN', retryable: true } },
    });
  });

  test.each([
    ['', 'decimal'],
    ['0x10', 'decimal'],
    ['1,000', 'decimal'],
    ['1_000', 'decimal'],
    [' 1', 'decimal'],
    ['NaN', 'decimal'],
    ['Infinity', 'decimal'],
    ['12345678901234567890', 'exactly'],
    ['0.12345678901234567', 'exactly'],
    ['1e400', 'exactly'],
    ['1e-400', 'exactly'],
  ])('the amount %j is refused before anything is sent', async (amount, word) => {
    const { exitCode, complaints } = await runCommand(moveOfNewUser({ amount }));

    expect(exitCode).toBe(2);
    expect(complaints).toContain('--amount');
    expect(complaints).toContain(word);
  });

  test.each(['1e2', '0.10', '1.0E+1', '007', '9007199254740993e3'])(
    'the amount %s is what it says',
    async (amount) => {
      const user = fresh('user');
      await runCommand(moveOfNewUser({ user, amount, type: 'credit' }));

      await expect(getCurrentBalance({ userId: user })).resolves.toBe(100 + Number(amount));
    },
  );

  test.each([
    [{ amount: '0' }, 'INVALID_AMOUNT'],
    [{ amount: '-5' }, 'INVALID_AMOUNT'],
    [{ user: '' }, 'INVALID_USER_ID'],
    [{ key: '' }, 'INVALID_IDEMPOTENT_KEY'],
    [{ type: 'gift' }, 'USAGE'],
  ])('%j is refused', async (changes, code) => {
    await expect(runForJson(moveOfNewUser(changes))).resolves.toMatchObject({
      exitCode: 2,
      document: { error: { code, retryable: false } },
    });
  });
});

describe('tables', () => {
  const names = () => {
    const [balances, transactions] = [fresh('Balances'), fresh('Transactions')];
    return {
      balances,
      transactions,
      options: ['--balances-table', balances, '--transactions-table', transactions],
    };
  };

  test('check finds missing tables and makes none', async () => {
    const { balances, transactions, options } = names();
    const missing = {
      exitCode: 1,
      document: {
        ready: false,
        tables: [
          { name: balances, ready: false, code: 'TABLE_NOT_FOUND' },
          { name: transactions, ready: false, code: 'TABLE_NOT_FOUND' },
        ],
      },
    };

    await expect(runForJson(['tables', 'check', ...options])).resolves.toMatchObject(missing);
    await expect(runForJson(['tables', 'check', ...options])).resolves.toMatchObject(missing);
  });

  test('create makes both, and check finds them', async () => {
    const { options } = names();

    await expect(runCommand(['tables', 'create', ...options])).resolves.toMatchObject({
      exitCode: 0,
      output: 'Both tables can be used.\n',
    });
    await expect(runForJson(['tables', 'check', ...options])).resolves.toMatchObject({
      exitCode: 0,
      document: { ready: true },
    });
  });

  test('check names a table with another key', async () => {
    const { balances, transactions } = names();
    await new BalanceClient({
      balancesTable: balances,
      transactionsTable: transactions,
    }).createTables();

    const swapped = ['--balances-table', transactions, '--transactions-table', balances];
    await expect(runForJson(['tables', 'check', ...swapped])).resolves.toMatchObject({
      exitCode: 1,
      document: {
        tables: [
          { code: 'TABLE_MISMATCH', message: expect.stringContaining('idempotentKey (HASH, S)') },
          { code: 'TABLE_MISMATCH', message: expect.stringContaining('userId (HASH, S)') },
        ],
      },
    });
  });
});

describe('tables check on settings that endanger a ledger', () => {
  const KEYS = { UserBalances: 'userId', Transactions: 'idempotentKey' } as const;
  type TableName = keyof typeof KEYS;

  interface Settings {
    /** What DescribeTable says besides. */
    description?: object;
    timeToLive?: Answer;
  }

  /** Two tables, one of which has these settings. */
  async function check(odd: TableName, { description = {}, timeToLive }: Settings) {
    wire = await openWire((_index, { operation, body }) => {
      const name = JSON.parse(body).TableName as TableName;
      if (operation === 'DescribeTable') {
        return describedTable(name, KEYS[name], name === odd ? description : {});
      }
      return (name === odd ? timeToLive : undefined) ?? expiring('DISABLED');
    });
    const commandArguments = ['tables', 'check', '--endpoint', wire.endpoint];
    const text = await runCommand(commandArguments);
    const { exitCode, document } = await runForJson(commandArguments);
    expect(exitCode).toBe(text.exitCode);
    const { ready, tables } = document as {
      ready: boolean;
      tables: { name: string; ready: boolean; warnings: Warning[]; unchecked: Warning[] }[];
    };
    const found = tables.filter(({ name }) => name === odd);
    expect(tables.filter((table) => !found.includes(table))).toMatchObject([
      { ready: true, warnings: [], unchecked: [] },
    ]);
    return { exitCode, output: text.output, ready, table: found[0] };
  }

  function expiring(TimeToLiveStatus: string): Answer {
    const TimeToLiveDescription = { TimeToLiveStatus, AttributeName: 'expiresAt' };
    return { status: 200, body: JSON.stringify({ TimeToLiveDescription }) };
  }

  test('tables without them are exit code 0', async () => {
    await expect(check('Transactions', {})).resolves.toMatchObject({
      exitCode: 0,
      ready: true,
      table: { warnings: [], unchecked: [] },
    });
  });

  test.each(['UserBalances', 'Transactions'] as const)(
    '%s as a global table is exit code 8, with its Regions and what happens',
    async (name) => {
      const description = {
        GlobalTableVersion: '2019.11.21',
        Replicas: [{ RegionName: 'eu-west-1', ReplicaStatus: 'ACTIVE' }],
      };
      const { exitCode, output, ready, table } = await check(name, { description });

      expect({ exitCode, ready }).toEqual({ exitCode: 8, ready: true });
      expect(table?.warnings).toEqual([
        { code: 'GLOBAL_TABLE', message: expect.stringMatching(/eu-west-1.*the last one wins/) },
      ]);
      expect(output).toContain(`Warning: ${table?.warnings[0]?.message}`);
    },
  );

  test.each([
    { GlobalTableVersion: '2017.11.29' },
    { Replicas: [{ RegionName: 'eu-west-1' }] },
    { MultiRegionConsistency: 'EVENTUAL' },
  ])('a global table that tells no more than %j is seen', async (description) => {
    await expect(check('Transactions', { description })).resolves.toMatchObject({
      exitCode: 8,
      table: { warnings: [{ code: 'GLOBAL_TABLE' }] },
    });
  });

  test('a global table with strong consistency cannot be used: it refuses transactions', async () => {
    const description = {
      Replicas: [{ RegionName: 'eu-west-1' }],
      MultiRegionConsistency: 'STRONG',
    };

    await expect(check('UserBalances', { description })).resolves.toMatchObject({
      exitCode: 1,
      ready: false,
      output: expect.stringContaining('refuses transactions'),
      table: { ready: false, code: 'TABLE_MISMATCH', warnings: [] },
    });
  });

  test.each([
    ['Transactions', 'frees its key'],
    ['UserBalances', 'becomes the default balance'],
  ] as const)('a time to live on %s is exit code 8, with what it does', async (name, words) => {
    for (const status of ['ENABLED', 'ENABLING', 'DISABLING']) {
      await expect(check(name, { timeToLive: expiring(status) })).resolves.toMatchObject({
        exitCode: 8,
        ready: true,
        output: expect.stringContaining('"expiresAt"'),
        table: { warnings: [{ code: 'TIME_TO_LIVE', message: expect.stringContaining(words) }] },
      });
      await wire?.close();
    }
  });

  test.each([serviceError('AccessDeniedException'), serviceError('UnknownOperationException')])(
    'a time to live that cannot be looked at is said, and nothing else fails',
    async (answer) => {
      const { exitCode, output, table } = await check('Transactions', { timeToLive: answer });

      expect(exitCode).toBe(0);
      expect(table).toMatchObject({ ready: true, warnings: [] });
      expect(table?.unchecked).toEqual([
        { code: 'TIME_TO_LIVE', message: expect.stringContaining('dynamodb:DescribeTimeToLive') },
      ]);
      expect(output).toContain(table?.unchecked[0]?.message);
    },
  );

  test('the time to live that DynamoDB has turned on is found', async () => {
    const [balancesTable, transactionsTable] = [fresh('Balances'), fresh('Transactions')];
    await new BalanceClient({ balancesTable, transactionsTable }).createTables();
    const database = new DynamoDBClient({});
    await database.send(
      new UpdateTimeToLiveCommand({
        TableName: transactionsTable,
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      }),
    );
    database.destroy();

    await expect(
      runForJson([
        ...['tables', 'check', '--balances-table', balancesTable],
        ...['--transactions-table', transactionsTable],
      ]),
    ).resolves.toMatchObject({
      exitCode: 8,
      document: { tables: [{ warnings: [] }, { warnings: [{ code: 'TIME_TO_LIVE' }] }] },
    });
  });
});

describe('what stands in the way', () => {
  test.each([
    ['AccessDeniedException', 7, 'ACCESS_DENIED'],
    ['UnrecognizedClientException', 7, 'CREDENTIALS_REJECTED'],
    ['ValidationException', 7, 'SERVICE_ERROR'],
  ])('%s is exit code %d', async (answer, exitCode, code) => {
    wire = await openWire(() => serviceError(answer));

    await expect(
      runForJson(['balance', 'alice', '--endpoint', wire.endpoint]),
    ).resolves.toMatchObject({ exitCode, document: { error: { code } } });
  });

  test('a missing table is exit code 7', async () => {
    await expect(
      runForJson(['balance', 'alice', '--balances-table', fresh('Missing')]),
    ).resolves.toMatchObject({ exitCode: 7, document: { error: { code: 'TABLE_NOT_FOUND' } } });
  });

  test.each([
    ['--endpoint', 'localhost:8000'],
    ['--region', 'Frankfurt am Main'],
    ['--balances-table', 'a b'],
    ['--default-balance', '-1'],
  ])('%s %s is named and refused', async (option, value) => {
    await expect(runForJson(['balance', 'alice', option, value])).resolves.toMatchObject({
      exitCode: 2,
      document: { error: { code: 'INVALID_OPTION' } },
    });
  });
});

describe('usage', () => {
  test.each([[['balance']], [['transact', '--key', 'k']], [['pay']], [['balance', 'a', '--yaml']]])(
    '%j is exit code 2 and says where help is',
    async (commandArguments) => {
      const { exitCode, output, complaints } = await runCommand(commandArguments);

      expect({ exitCode, output }).toEqual({ exitCode: 2, output: '' });
      expect(complaints).toContain('--help');
    },
  );

  describe('a slip is refused before anything is sent:', () => {
    const commands: [string, string[]][] = [
      ['balance', ['balance', 'alice']],
      ['history', ['history', 'alice']],
      ['audit', ['audit']],
      ['tables check', ['tables', 'check']],
      ['tables create', ['tables', 'create']],
      ['transact', move()],
    ];
    const options: [string, string][] = [
      ['--region', 'us-east-1'],
      ['--profile', 'default'],
      ['--balances-table', 'UserBalances'],
      ['--transactions-table', 'Transactions'],
      ['--default-balance', '100'],
    ];

    beforeEach(async () => {
      wire = await openWire();
    });

    const refused = async (commandArguments: string[], complaint: RegExp) => {
      const { endpoint = '', passed } = wire ?? {};
      await expect(
        runForJson([...commandArguments, '--endpoint', endpoint]),
      ).resolves.toMatchObject({
        exitCode: 2,
        document: { error: { code: 'USAGE', message: expect.stringMatching(complaint) } },
      });
      expect(passed).toEqual([]);
    };

    test.each(commands)('a word too many for %s', async (_name, command) => {
      await refused([...command, 'bob'], /too many arguments/);
    });

    test.each([
      ['--amount 1 000', ['--amount', '1', '000']],
      ['--user John Smith', ['--user', 'John', 'Smith']],
    ])('a value in two words, %s', async (_name, words) => {
      const rest = Object.entries({ key: 'k', user: 'u', amount: '1', type: 'credit' })
        .filter(([name]) => `--${name}` !== words[0])
        .flatMap(([name, value]) => [`--${name}`, value]);
      await refused(['transact', ...rest, ...words], /too many arguments/);
    });

    test.each(['key', 'user', 'amount', 'type'] as const)('--%s twice', async (name) => {
      const again = { key: 'other', user: 'other', amount: '2', type: 'credit' }[name];
      await refused([...move(), `--${name}=${again}`], new RegExp(`--${name}.*given twice`));
    });

    test.each(
      commands.flatMap(([name, command]) =>
        options.map((option) => [name, command, option] as const),
      ),
    )('%s %j with %j twice', async (_name, command, [option, value]) => {
      await refused(
        [...command, option, value, option, value],
        new RegExp(`${option}.*given twice`),
      );
    });

    test('--json twice', async () => {
      await refused(['balance', 'alice', '--json'], /--json.*given twice/);
    });
  });

  test('a misspelt command line is one JSON document too', async () => {
    await expect(runForJson(['balances'])).resolves.toMatchObject({
      exitCode: 2,
      document: { error: { code: 'USAGE', message: expect.stringContaining('Did you mean') } },
    });
  });

  test.each([
    [[]],
    [['tables']],
    [['tables', 'create']],
    [['balance']],
    [['transact']],
    [['history']],
    [['audit']],
  ])('%j --help is on stdout and exit code 0', async (commandArguments) => {
    const { exitCode, output, complaints } = await runCommand([...commandArguments, '--help']);

    expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
    expect(output).toContain('Usage: dynamodb-balance');
  });

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

    await expect(runCommand(['--version'])).resolves.toMatchObject({
      exitCode: 0,
      output: `${version}\n`,
    });
  });

  test('a reader that goes away is no error', async () => {
    const child = spawn(process.execPath, [join(root, 'cli', 'main.js'), '--help']);
    child.stdout.destroy();
    let complaints = '';
    child.stderr.on('data', (text) => {
      complaints += text;
    });
    await once(child, 'close');

    expect({ exitCode: child.exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
  });
});

test('every code of a BalanceError has an exit code', () => {
  const declarations = readFileSync(join(root, 'index.d.ts'), 'utf8');
  const union = /type BalanceErrorCode =.*?';/s.exec(declarations)?.[0] ?? '';
  const codes = [...union.matchAll(/\| '([A-Z_]+)'/g)].map(([, code]) => code);

  expect(Object.keys(EXIT_CODES).sort()).toEqual(codes.sort());
});
