// What the clients in memory have beyond those of DynamoDB: all that a test of an application sets up and looks at. Their
// promises about money are kept by the other files, which run on both.

import { BalanceError } from 'dynamodb-balance';
import {
  createTestClient,
  createTestModule,
  type ScriptedOutcome,
  TestClient,
} from 'dynamodb-balance/testing';

const DEBIT = { idempotentKey: 'order-1', userId: 'alice', amount: 30, type: 'debit' } as const;

const balanceOf = async (client: TestClient, userId = 'alice') =>
  (await client.getBalance({ userId })).balance;

describe('what is in the tables', () => {
  test('nothing, unless the test says so', () => {
    const client = createTestClient();
    expect(client.transactions()).toEqual([]);
    expect(client.audit()).toMatchObject({ verdict: 'right', users: 0, records: 0 });
  });

  test('is no other client’s', async () => {
    const [one, other] = [createTestClient(), createTestClient()];
    await one.transact(DEBIT);
    expect(await balanceOf(other)).toBe('100');
  });

  test('is shared by those that say so, whatever their other options', async () => {
    const one = createTestClient();
    const other = createTestClient({ tablesOf: one, defaultBalance: 7 });
    await one.transact(DEBIT);
    expect(await balanceOf(other)).toBe('70');
    expect(await balanceOf(other, 'bob')).toBe('7');
  });

  test.each([
    ['a number', 12.5, '12.5'],
    ['a decimal string', '0.10', '0.1'],
    ['a bigint', 12345678901234567890n, '12345678901234567890'],
    ['0', 0, '0'],
    ['less than 0', '-3.5', '-3.5'],
  ])('can be a balance that is %s', async (_name, balance, expected) => {
    const client = createTestClient({ balances: { alice: balance } });
    expect(await client.getBalance({ userId: 'alice' })).toMatchObject({
      balance: expected,
      exists: true,
    });
  });

  test('can be transactions that took place before, which move the balance', async () => {
    const timestamp = new Date('2024-02-29T12:34:56.789Z');
    const earlier = { ...DEBIT, metadata: { order: '17' }, timestamp };
    const client = createTestClient({ transactions: [earlier] });
    expect(await balanceOf(client)).toBe('70');
    const told = {
      ...DEBIT,
      amount: '30',
      metadata: { order: '17' },
      timestamp: timestamp.toISOString(),
    };
    expect(client.transactions()).toEqual([told]);
    expect((await client.listTransactions({ userId: 'alice' })).transactions).toEqual([told]);
    expect(client.audit().verdict).toBe('right');
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
  });

  test('a balance is told by the audit that its transactions do not come to', async () => {
    const client = createTestClient({ transactions: [DEBIT], balances: { alice: 71 } });
    expect(client.audit()).toMatchObject({
      verdict: 'wrong',
      mismatches: { count: 1, items: [{ userId: 'alice', balance: '71', expected: '70' }] },
    });
  });

  test('all records are told in the order in which they were written, holds as they are', async () => {
    const client = createTestClient({ now: new Date(0) });
    await client.createHold({ idempotentKey: 'z', userId: 'alice', amount: 10 });
    await client.transact({ ...DEBIT, idempotentKey: 'b' });
    await client.captureHold({ idempotentKey: 'a', hold: 'z', amount: 4 });
    expect(client.transactions()).toMatchObject([
      { idempotentKey: 'z', holdState: 'captured', capturedAmount: '4' },
      { idempotentKey: 'b' },
      { idempotentKey: 'a', type: 'credit', amount: '6', hold: 'z' },
    ]);
  });

  test.each([
    ['options', null, 'options must be an object'],
    ['an unknown option', { ballances: {} }, 'ballances is not an option'],
    ['balances', { balances: 3 }, 'balances must be an object'],
    ['a balance', { balances: { alice: 'much' } }, 'balances["alice"] must be a plain decimal'],
    ['a balance of a type', { balances: { alice: true } }, 'must be a number or a decimal string'],
    ['transactions', { transactions: {} }, 'transactions must be an array'],
    ['an amount', { transactions: [DEBIT, { ...DEBIT, amount: 0 }] }, 'transactions[1]: Amount'],
    ['a timestamp', { transactions: [{ ...DEBIT, timestamp: 5 }] }, 'transactions[0]: '],
    ['a key twice', { transactions: [DEBIT, DEBIT] }, 'transactions[1]: '],
    ['a debit', { transactions: [{ ...DEBIT, amount: 101 }] }, 'does not cover it'],
    ['tables', { tablesOf: {} }, 'tablesOf must be a test client'],
    ['a time', { now: 'noon' }, 'must be a Date'],
  ])('%s that cannot be is refused by name', (_name, options, message) => {
    const make = () => createTestClient(options as never);
    expect(make).toThrow(BalanceError);
    expect(make).toThrow(message);
  });
});

describe('the clock', () => {
  const NOON = new Date('2024-05-06T12:00:00.000Z');

  test('is that of the machine', async () => {
    const before = Date.now();
    const now = createTestClient().now().getTime();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  test('stands where it was set, and timestamps are by it', async () => {
    const client = createTestClient({ now: NOON });
    const { transaction } = await client.createTransaction(DEBIT);
    expect(transaction.timestamp).toBe(NOON.toISOString());
    expect(client.now()).toEqual(NOON);
  });

  test('moves when it is told to', () => {
    const client = createTestClient({ now: NOON });
    client.advanceTime(1500);
    expect(client.now()).toEqual(new Date(NOON.getTime() + 1500));
    client.setTime(new Date(0));
    expect(client.now()).toEqual(new Date(0));
  });

  test('of the machine can be moved as well', () => {
    const client = createTestClient();
    client.advanceTime(3_600_000);
    expect(client.now().getTime()).toBeGreaterThanOrEqual(Date.now() + 3_600_000 - 1000);
  });

  test('makes holds expire', async () => {
    const client = createTestClient({ now: NOON });
    const expiresAt = new Date(NOON.getTime() + 60_000);
    await client.createHold({ idempotentKey: 'hold-1', userId: 'alice', amount: 30, expiresAt });
    client.advanceTime(60_000);
    const capture = client.captureHold({ idempotentKey: 'capture-1', hold: 'hold-1' });
    await expect(capture).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
    // Sweepers leave a hold alone for ten seconds.
    client.advanceTime(10_000);
    expect(await client.releaseExpiredHolds()).toEqual({ released: 1, failures: [] });
    expect(await client.getBalance({ userId: 'alice' })).toMatchObject({
      balance: '100',
      held: '0',
    });
  });

  test('transactions go on where it was set back', async () => {
    const client = createTestClient({ now: NOON });
    await client.transact(DEBIT);
    client.setTime(new Date(NOON.getTime() - 600_000));
    await client.transact({ ...DEBIT, idempotentKey: 'order-2' });
    client.setTime(new Date(0));
    await client.transact({ ...DEBIT, idempotentKey: 'order-3' });
    expect(await balanceOf(client)).toBe('10');
  });

  test.each([
    ['a time that is no Date', (client: TestClient) => client.setTime('noon' as never)],
    ['a Date that is none', (client: TestClient) => client.setTime(new Date(Number.NaN))],
    ['a time after 9999', (client: TestClient) => client.setTime(new Date(253_402_300_800_000))],
    ['to go back', (client: TestClient) => client.advanceTime(-1)],
    ['NaN', (client: TestClient) => client.advanceTime(Number.NaN)],
    ['to go beyond 9999', (client: TestClient) => client.advanceTime(253_402_300_800_000)],
  ])('refuses %s, and stays', (_name, move) => {
    const client = createTestClient({ now: NOON });
    expect(() => move(client)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(client.now()).toEqual(NOON);
  });
});

describe('a scripted outcome', () => {
  test('is that of the next call, once', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'NOTHING_HAPPENED' });
    await expect(client.transact(DEBIT)).rejects.toMatchObject({
      name: 'BalanceError',
      code: 'NOTHING_HAPPENED',
      retryable: true,
    });
    expect(await balanceOf(client)).toBe('100');
    await client.transact(DEBIT);
    expect(await balanceOf(client)).toBe('70');
  });

  test('can be unknown with the money moved, so that the same key finds out', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'OUTCOME_UNKNOWN', tookEffect: true });
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await balanceOf(client)).toBe('70');
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });
  });

  test('can be unknown with nothing moved', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'OUTCOME_UNKNOWN' });
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await client.transact(DEBIT);
    expect(await balanceOf(client)).toBe('70');
  });

  test('can be for an operation, or for what matches', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'ACCESS_DENIED', operation: 'getBalance' });
    client.scriptOutcome({
      code: 'SERVICE_ERROR',
      when: ({ operation, input }) =>
        operation === 'transact' && (input as { userId: string }).userId === 'bob',
    });
    await client.transact(DEBIT);
    const bobs = { ...DEBIT, idempotentKey: 'order-2', userId: 'bob' };
    await expect(client.transact(bobs)).rejects.toMatchObject({ code: 'SERVICE_ERROR' });
    await expect(balanceOf(client)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(client.unusedOutcomes()).toEqual([]);
  });

  test('is for whichever client of the same tables calls next', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'TOO_MANY_CALLS' });
    const other = createTestClient({ tablesOf: client });
    await expect(other.transact(DEBIT)).rejects.toMatchObject({ code: 'TOO_MANY_CALLS' });
  });

  test('waits for a call that would go through otherwise', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'OUTCOME_UNKNOWN' });
    client.scriptOutcome({ code: 'NOTHING_HAPPENED', tookEffect: true });
    await expect(client.transact({ ...DEBIT, amount: -1 })).rejects.toMatchObject({
      code: 'INVALID_AMOUNT',
    });
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(client.transact({ ...DEBIT, amount: 101 })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    });
    expect(client.unusedOutcomes()).toMatchObject([{ code: 'NOTHING_HAPPENED' }]);
  });

  test('has the message that it is given', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'SERVICE_ERROR', message: 'Out of order.' });
    await expect(client.transact(DEBIT)).rejects.toThrow('Out of order.');
  });

  const hold = { idempotentKey: 'hold-1', userId: 'alice', amount: 1 };
  const close = { idempotentKey: 'close-1', hold: 'hold-0' };
  const operations = {
    getCurrentBalance: (client) => client.getCurrentBalance({ userId: 'alice' }),
    transact: (client) => client.transact(DEBIT),
    getBalance: (client) => client.getBalance({ userId: 'alice' }),
    getTransaction: (client) => client.getTransaction({ idempotentKey: 'order-0' }),
    createTransaction: (client) => client.createTransaction(DEBIT),
    createTransactions: (client) => client.createTransactions({ transactions: [DEBIT] }),
    createHold: (client) => client.createHold(hold),
    captureHold: (client) => client.captureHold(close),
    releaseHold: (client) => client.releaseHold(close),
    listHolds: (client) => client.listHolds({ userId: 'alice' }),
    releaseExpiredHolds: (client) => client.releaseExpiredHolds(),
    listTransactions: (client) => client.listTransactions({ userId: 'alice' }),
    iterateTransactions: (client) => client.iterateTransactions({ userId: 'alice' }).next(),
    createTables: (client) => client.createTables(),
  } satisfies Record<string, (client: TestClient) => Promise<unknown>>;

  describe.each(Object.entries(operations))('of %s', (operation, call) => {
    test('changes nothing', async () => {
      const client = createTestClient();
      await client.createHold({ ...hold, idempotentKey: 'hold-0' });
      const before = client.transactions();
      client.scriptOutcome({ code: 'SERVICE_ERROR', operation } as ScriptedOutcome);
      await expect(call(client)).rejects.toMatchObject({ code: 'SERVICE_ERROR' });
      expect(client.transactions()).toEqual(before);
      expect(client.unusedOutcomes()).toEqual([]);
      await expect(call(client)).resolves.not.toBeInstanceOf(Error);
    });
  });

  test.each(['transact', 'createTransaction', 'createHold', 'captureHold', 'releaseHold'] as const)(
    'of %s takes effect where the test says so',
    async (operation) => {
      const client = createTestClient();
      await client.createHold({ ...hold, idempotentKey: 'hold-0' });
      const before = client.transactions();
      client.scriptOutcome({ code: 'OUTCOME_UNKNOWN', operation, tookEffect: true });
      await expect(operations[operation](client)).rejects.toMatchObject({
        code: 'OUTCOME_UNKNOWN',
      });
      expect(client.transactions()).not.toEqual(before);
    },
  );

  test('does not come after close()', async () => {
    const client = createTestClient();
    client.scriptOutcome({ code: 'OUTCOME_UNKNOWN' });
    await client.close();
    await expect(client.transact(DEBIT)).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  test.each([
    [{ code: 'ODD' }, 'code must be one of INVALID_INPUT'],
    [undefined, 'code must be one of INVALID_INPUT'],
    [{ code: 'SERVICE_ERROR', tookEffect: 'yes' }, 'tookEffect'],
    [{ code: 'SERVICE_ERROR', operation: 'close' }, 'operation must be one of getCurrentBalance'],
    [{ code: 'SERVICE_ERROR', when: 'now' }, 'when must be a function'],
    [{ code: 'SERVICE_ERROR', message: 3 }, 'message must be a string'],
  ])('%j is refused by name', (outcome, message) => {
    const client = createTestClient();
    expect(() => client.scriptOutcome(outcome as never)).toThrow(message);
    expect(client.unusedOutcomes()).toEqual([]);
  });
});

describe('the module', () => {
  test('has what the package has', async () => {
    const { testClient, ...exported } = createTestModule();
    expect(Object.keys(exported).sort()).toEqual(Object.keys(require('dynamodb-balance')).sort());
  });

  test('has both functions on the tables of its client', async () => {
    const { transact, getCurrentBalance, testClient } = createTestModule({
      balances: { alice: 50 },
    });
    await transact(DEBIT);
    expect(await getCurrentBalance({ userId: 'alice' })).toBe(20);
    expect(await balanceOf(testClient)).toBe('20');
  });

  test('makes clients that share tables by their names', async () => {
    const { BalanceClient, testClient } = createTestModule();
    const [one, same, other] = [
      new BalanceClient(),
      new BalanceClient({ balancesTable: 'UserBalances' }),
      new BalanceClient({ balancesTable: 'Others' }),
    ];
    await one.transact(DEBIT);
    expect(await Promise.all([testClient, same, other].map((it) => balanceOf(it)))).toEqual([
      '70',
      '70',
      '100',
    ]);
  });
});

test('a client in memory is a client, and refuses what a client refuses', async () => {
  const client = createTestClient();
  expect(client).toBeInstanceOf(TestClient);
  expect(client).toBeInstanceOf(require('dynamodb-balance').BalanceClient);
  await expect(client.transact({} as never)).rejects.toThrow('Idempotent key is required');
});

test('options of an application are taken as they are, and its credentials are not asked for', async () => {
  const credentials = jest.fn();
  const client = createTestClient({ region: 'eu-central-1', profile: 'nobody', credentials });
  await client.transact(DEBIT);
  expect(credentials).not.toHaveBeenCalled();
});
