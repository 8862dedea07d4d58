// Other programs read these two tables: what is written there keeps its shape.

import { getCurrentBalance, transact } from 'dynamodb-balance';

import { request } from './harness/calls';
import { balanceItem, fresh, putBalanceItem, record } from './harness/tables';

const ISO_8601_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('the record of a transaction', () => {
  test('holds exactly these attributes after a credit', async () => {
    const credit = request({ amount: 12.5 });
    await transact(credit);
    expect(await record(credit.idempotentKey)).toEqual({
      idempotentKey: { S: credit.idempotentKey },
      userId: { S: credit.userId },
      amount: { N: '12.5' },
      type: { S: 'credit' },
      timestamp: { S: expect.stringMatching(ISO_8601_UTC) },
      callId: { S: expect.stringMatching(UUID) },
    });
  });

  test('holds exactly these attributes after a debit, with the amount positive', async () => {
    const debit = request({ amount: 12.5, type: 'debit' });
    await transact(debit);
    expect(await record(debit.idempotentKey)).toEqual({
      idempotentKey: { S: debit.idempotentKey },
      userId: { S: debit.userId },
      amount: { N: '12.5' },
      type: { S: 'debit' },
      timestamp: { S: expect.stringMatching(ISO_8601_UTC) },
      callId: { S: expect.stringMatching(UUID) },
    });
  });

  test('has the time of the call as its timestamp', async () => {
    const credit = request();
    const before = Date.now();
    await transact(credit);
    const after = Date.now();
    const timestamp = (await record(credit.idempotentKey))?.timestamp?.S ?? '';
    expect(Date.parse(timestamp)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(timestamp)).toBeLessThanOrEqual(after);
  });

  test('has a timestamp that JavaScript would have written the same way', async () => {
    const credit = request();
    await transact(credit);
    const timestamp = (await record(credit.idempotentKey))?.timestamp?.S ?? '';
    expect(new Date(timestamp).toISOString()).toBe(timestamp);
  });

  test('has a callId of its own', async () => {
    const [first, second] = [request(), request()];
    await transact(first);
    await transact(second);
    const callId = (await record(first.idempotentKey))?.callId;
    expect(callId).not.toEqual((await record(second.idempotentKey))?.callId);
  });
});

/** Milliseconds since 1970. */
const EPOCH = { N: expect.stringMatching(/^\d{13}$/) };

describe('the balance item', () => {
  test('holds exactly the user, the balance and the epoch after a credit', async () => {
    const credit = request({ amount: 12.5 });
    await transact(credit);
    expect(await balanceItem(credit.userId)).toEqual({
      userId: { S: credit.userId },
      balance: { N: '112.5' },
      epoch: EPOCH,
    });
  });

  test('holds exactly the user, the balance and the epoch after a debit', async () => {
    const debit = request({ amount: 12.5, type: 'debit' });
    await transact(debit);
    expect(await balanceItem(debit.userId)).toEqual({
      userId: { S: debit.userId },
      balance: { N: '87.5' },
      epoch: EPOCH,
    });
  });

  test('keeps the attributes that somebody else put there', async () => {
    const credit = request({ amount: 1 });
    const others = { userId: { S: credit.userId }, currency: { S: 'USD' } };
    await putBalanceItem({ ...others, balance: { N: '10' } });
    await transact(credit);
    expect(await balanceItem(credit.userId)).toEqual({
      ...others,
      balance: { N: '11' },
      epoch: EPOCH,
    });
  });
});

describe('reading', () => {
  test('creates no balance item', async () => {
    const userId = fresh('user');
    await getCurrentBalance({ userId });
    expect(await balanceItem(userId)).toBeUndefined();
  });

  test('leaves a balance item as it is', async () => {
    const item = { userId: { S: fresh('user') }, balance: { N: '42.42' }, note: { S: 'mine' } };
    await putBalanceItem(item);
    await getCurrentBalance({ userId: item.userId.S });
    expect(await balanceItem(item.userId.S)).toEqual(item);
  });
});
