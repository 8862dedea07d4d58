// Holds: money that is set aside until it is captured, released, or has expired. One of any number of
// captures and releases takes effect.

import { BalanceClient, type BalanceErrorCode, type Hold } from 'dynamodb-balance';

import {
  balanceItem,
  fresh,
  inDynamoDb,
  putBalanceItem,
  putRecord,
  record,
  recordsOf,
} from './harness/tables';

const client = new BalanceClient();

afterAll(async () => await client.close());

/** A hold of a user with 100. */
async function opened(amount: string | number = 30, expiresAt?: Date) {
  const [userId, hold] = [fresh('user'), fresh('hold')];
  await client.createHold({ idempotentKey: hold, userId, amount, expiresAt });
  return { userId, hold };
}

function money(userId: string) {
  return client.getBalance({ userId });
}

async function stateOf(idempotentKey: string) {
  return (await client.getTransaction({ idempotentKey }))?.holdState;
}

const IN_AN_HOUR = new Date(Date.now() + 3_600_000);
const AN_HOUR_AGO = new Date(Date.now() - 3_600_000);

describe('createHold', () => {
  test('sets money aside and resolves with the hold', async () => {
    const [userId, key] = [fresh('user'), fresh('hold')];
    const result = await client.createHold({
      idempotentKey: key,
      userId,
      amount: '30.25',
      expiresAt: IN_AN_HOUR,
      metadata: { order: '7' },
    });
    const hold: Hold = {
      idempotentKey: key,
      userId,
      amount: '30.25',
      type: 'debit',
      timestamp: expect.stringMatching(/Z$/),
      metadata: { order: '7' },
      holdState: 'open',
      expiresAt: IN_AN_HOUR.toISOString(),
    };
    expect(result).toEqual({ hold, replayed: false });
    expect(await client.getTransaction({ idempotentKey: key })).toEqual(hold);
    expect(await money(userId)).toEqual({ userId, balance: '69.75', held: '30.25', exists: true });
    expect(await client.getCurrentBalance({ userId })).toBe(69.75);
  });

  test('is a debit to whoever reads the tables', async () => {
    const { userId, hold } = await opened();
    expect(await record(hold)).toMatchObject({
      userId: { S: userId },
      amount: { N: '30' },
      type: { S: 'debit' },
      holdState: { S: 'open' },
      openUntil: { S: 'never' },
    });
    expect(await balanceItem(userId)).toMatchObject({ balance: { N: '70' }, held: { N: '30' } });
  });

  test('the same request again changes nothing, whenever the hold is to expire', async () => {
    const [userId, key] = [fresh('user'), fresh('hold')];
    const input = { idempotentKey: key, userId, amount: 30 };
    const first = await client.createHold({ ...input, expiresAt: IN_AN_HOUR });
    const again = await client.createHold({
      ...input,
      expiresAt: new Date(Date.now() + 7_200_000),
    });
    expect(again).toEqual({ hold: first.hold, replayed: true });
    expect(await money(userId)).toMatchObject({ balance: '70', held: '30' });
  });

  test('money that is held cannot be spent or held again', async () => {
    const { userId } = await opened(80);
    const debit = { idempotentKey: fresh('key'), userId, amount: 21, type: 'debit' } as const;
    const refusal = { code: 'INSUFFICIENT_BALANCE', available: '20' };
    await expect(client.createTransaction(debit)).rejects.toMatchObject(refusal);
    const hold = { idempotentKey: fresh('hold'), userId, amount: 21 };
    await expect(client.createHold(hold)).rejects.toMatchObject(refusal);
  });

  test('a key that a transaction has is not that of a hold, and the other way round', async () => {
    const userId = fresh('user');
    const debit = { idempotentKey: fresh('key'), userId, amount: 5, type: 'debit' } as const;
    await client.createTransaction(debit);
    const reused = { code: 'IDEMPOTENT_KEY_REUSED' };
    await expect(client.createHold(debit)).rejects.toMatchObject(reused);
    const hold = { ...debit, idempotentKey: fresh('hold') };
    await client.createHold(hold);
    await expect(client.createTransaction(hold)).rejects.toMatchObject(reused);
    await expect(client.transact(hold)).rejects.toMatchObject(reused);
  });

  test('many of one user at once are all held', async () => {
    const userId = fresh('user');
    const calls = Array.from({ length: 60 }, () =>
      client.createHold({ idempotentKey: fresh('hold'), userId, amount: 2 }),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
    expect(await money(userId)).toMatchObject({ balance: '0', held: '100' });
  });
});

describe('captureHold', () => {
  test('takes all of it: the balance stays, nothing is held any more', async () => {
    const { userId, hold } = await opened();
    const key = fresh('capture');
    const result = await client.captureHold({ idempotentKey: key, hold });
    expect(result).toMatchObject({
      hold: { idempotentKey: hold, holdState: 'captured', capturedAmount: '30', closedBy: key },
      replayed: false,
    });
    expect(await client.getTransaction({ idempotentKey: hold })).toEqual(result.hold);
    expect(await money(userId)).toMatchObject({ balance: '70', held: '0' });
    expect(await recordsOf(userId)).toHaveLength(1);
    expect(await record(hold)).not.toHaveProperty('openUntil');
  });

  test('takes less: the rest goes back as a credit under the key of the capture', async () => {
    const { userId, hold } = await opened();
    const key = fresh('capture');
    const result = await client.captureHold({ idempotentKey: key, hold, amount: '12.5' });
    expect(result.hold).toMatchObject({ holdState: 'captured', capturedAmount: '12.5' });
    expect(await money(userId)).toMatchObject({ balance: '87.5', held: '0' });
    expect(await client.getTransaction({ idempotentKey: key })).toMatchObject({
      type: 'credit',
      amount: '17.5',
      userId,
      hold,
    });
  });

  test.each([undefined, 12])(
    'the same capture of %p again is told what it has done',
    async (amount) => {
      const { userId, hold } = await opened();
      const capture = { idempotentKey: fresh('capture'), hold, amount };
      const first = await client.captureHold(capture);
      const again = await client.captureHold(capture);
      expect(again).toEqual({ hold: first.hold, replayed: true });
      const elsewhere = new BalanceClient();
      expect(await elsewhere.captureHold(capture)).toEqual(again);
      await elsewhere.close();
      expect(await money(userId)).toMatchObject({ held: '0' });
    },
  );

  test('the key of a capture with another amount is a key used twice', async () => {
    const { hold } = await opened();
    const key = fresh('capture');
    await client.captureHold({ idempotentKey: key, hold, amount: 12 });
    const again = client.captureHold({ idempotentKey: key, hold, amount: 13 });
    await expect(again).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED' });
  });

  test.each([undefined, 12])(
    'of %p under the key of a transaction changes nothing',
    async (amount) => {
      const { userId, hold } = await opened();
      const key = fresh('key');
      await client.transact({ idempotentKey: key, userId, amount: 1, type: 'credit' });
      const capture = client.captureHold({ idempotentKey: key, hold, amount });
      await expect(capture).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED' });
      expect(await stateOf(hold)).toBe('open');
    },
  );

  test('takes no more than the hold has', async () => {
    const { userId, hold } = await opened();
    const capture = client.captureHold({ idempotentKey: fresh('capture'), hold, amount: '30.01' });
    await expect(capture).rejects.toMatchObject({ code: 'HOLD_EXCEEDED' });
    expect(await money(userId)).toMatchObject({ balance: '70', held: '30' });
  });

  test('does not take a hold that has expired, which can be released', async () => {
    const { userId, hold } = await opened(30, AN_HOUR_AGO);
    const capture = client.captureHold({ idempotentKey: fresh('capture'), hold });
    await expect(capture).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
    expect(await money(userId)).toMatchObject({ held: '30' });
    await client.releaseHold({ idempotentKey: fresh('release'), hold });
    expect(await money(userId)).toMatchObject({ balance: '100', held: '0' });
  });

  test('takes a hold before it expires', async () => {
    const { hold } = await opened(30, IN_AN_HOUR);
    await client.captureHold({ idempotentKey: fresh('capture'), hold });
    expect(await stateOf(hold)).toBe('captured');
  });
});

describe('releaseHold', () => {
  test('gives the money back as a credit under its own key', async () => {
    const { userId, hold } = await opened();
    const key = fresh('release');
    const result = await client.releaseHold({ idempotentKey: key, hold });
    expect(result).toMatchObject({
      hold: { holdState: 'released', closedBy: key },
      replayed: false,
    });
    expect(result.hold).not.toHaveProperty('capturedAmount');
    expect(await money(userId)).toMatchObject({ balance: '100', held: '0' });
    expect(await record(key)).toMatchObject({
      amount: { N: '30' },
      type: { S: 'credit' },
      hold: { S: hold },
    });
    expect(await client.releaseHold({ idempotentKey: key, hold })).toEqual({
      ...result,
      replayed: true,
    });
  });

  test('is the only end of a hold, as a capture is', async () => {
    const [released, captured] = [await opened(), await opened()];
    await client.releaseHold({ idempotentKey: fresh('release'), hold: released.hold });
    await client.captureHold({ idempotentKey: fresh('capture'), hold: captured.hold });
    const ends = [
      [released.hold, 'HOLD_RELEASED'],
      [captured.hold, 'HOLD_CAPTURED'],
    ] as const;
    for (const [hold, code] of ends) {
      const release = client.releaseHold({ idempotentKey: fresh('release'), hold });
      await expect(release).rejects.toMatchObject({ code });
      const capture = client.captureHold({ idempotentKey: fresh('capture'), hold });
      await expect(capture).rejects.toMatchObject({ code });
    }
    expect(await money(released.userId)).toMatchObject({ balance: '100', held: '0' });
    expect(await money(captured.userId)).toMatchObject({ balance: '70', held: '0' });
  });
});

test('of captures and releases at once, from several clients, one takes effect', async () => {
  const { userId, hold } = await opened(60);
  const clients = [client, new BalanceClient(), new BalanceClient()];
  const calls = Array.from({ length: 45 }, (_, index) => {
    const it = clients[index % clients.length] as BalanceClient;
    const idempotentKey = fresh('end');
    return index % 2 === 0
      ? it.captureHold({ idempotentKey, hold, amount: index + 1 })
      : it.releaseHold({ idempotentKey, hold });
  });
  const outcomes = await Promise.allSettled(calls);
  const won = outcomes.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
  const lost = outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason.code] : []));
  expect(won).toHaveLength(1);
  expect(new Set(lost)).toEqual(
    new Set([won[0]?.hold.holdState === 'captured' ? 'HOLD_CAPTURED' : 'HOLD_RELEASED']),
  );
  const captured = Number(won[0]?.hold.capturedAmount ?? 0);
  expect(await money(userId)).toMatchObject({ balance: String(100 - captured), held: '0' });
  await Promise.all(clients.slice(1).map((it) => it.close()));
});

describe('what is no hold', () => {
  const close = (hold: string) => [
    client.captureHold({ idempotentKey: fresh('key'), hold }),
    client.releaseHold({ idempotentKey: fresh('key'), hold }),
  ];

  test('cannot be closed', async () => {
    const [userId, key] = [fresh('user'), fresh('key')];
    await client.transact({ idempotentKey: key, userId, amount: 5, type: 'debit' });
    const calls = [...close(key), ...close(fresh('nothing'))];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'HOLD_NOT_FOUND' } });
    }
    expect(await money(userId)).toMatchObject({ balance: '95', held: '0' });
  });

  inDynamoDb.test('nor can a record in a shape that this package does not write', async () => {
    const hold = fresh('hold');
    await putRecord({
      idempotentKey: { S: hold },
      userId: { S: fresh('user') },
      amount: { S: 'thirty' },
      type: { S: 'debit' },
      holdState: { S: 'open' },
    });
    for (const outcome of await Promise.allSettled(close(hold))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'HOLD_NOT_FOUND' } });
    }
  });
});

inDynamoDb.test('where what is held is no number, holds are refused and nothing else', async () => {
  const userId = fresh('user');
  await putBalanceItem({ userId: { S: userId }, balance: { N: '50' }, held: { S: 'much' } });
  const corrupt = { code: 'CORRUPT_BALANCE', message: expect.stringContaining('held') };
  const hold = client.createHold({ idempotentKey: fresh('hold'), userId, amount: 5 });
  await expect(hold).rejects.toMatchObject(corrupt);
  await expect(money(userId)).rejects.toMatchObject(corrupt);
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 5, type: 'debit' });
  expect(await client.getCurrentBalance({ userId })).toBe(45);
});

describe('wrong input', () => {
  const hold = { idempotentKey: 'key', userId: 'user', amount: 5 };
  const long = 'k'.repeat(2041);
  const wrong: [string, () => Promise<unknown>, BalanceErrorCode][] = [
    ['no key', () => client.createHold({ ...hold, idempotentKey: '' }), 'INVALID_IDEMPOTENT_KEY'],
    [
      'a long key',
      () => client.createHold({ ...hold, idempotentKey: long }),
      'INVALID_IDEMPOTENT_KEY',
    ],
    ['no user', () => client.createHold({ ...hold, userId: '' }), 'INVALID_USER_ID'],
    ['no amount', () => client.createHold({ ...hold, amount: 0 }), 'INVALID_AMOUNT'],
    [
      'no date',
      () => client.createHold({ ...hold, expiresAt: 'tomorrow' as unknown as Date }),
      'INVALID_INPUT',
    ],
    [
      'a date that is none',
      () => client.createHold({ ...hold, expiresAt: new Date(Number.NaN) }),
      'INVALID_EXPIRES_AT',
    ],
    [
      'a date out of reach',
      () => client.createHold({ ...hold, expiresAt: new Date(8.64e15) }),
      'INVALID_EXPIRES_AT',
    ],
    ['no hold', () => client.captureHold({ idempotentKey: 'key', hold: '' }), 'INVALID_HOLD'],
    [
      'the key of the hold',
      () => client.captureHold({ idempotentKey: 'key', hold: 'key' }),
      'INVALID_IDEMPOTENT_KEY',
    ],
    [
      'nothing to capture',
      () => client.captureHold({ idempotentKey: 'key', hold: 'hold', amount: 0 }),
      'INVALID_AMOUNT',
    ],
    [
      'no hold to release',
      () => client.releaseHold({ idempotentKey: 'key', hold: '' }),
      'INVALID_HOLD',
    ],
  ];

  test.each(wrong)('%s is refused, and nothing is sent', async (_, call, code) => {
    await expect(call()).rejects.toMatchObject({ code, retryable: false });
  });
});
