// Callers match on these messages: they are kept to the letter, and the first wrong field is the
// one that is told.

import { transact } from 'dynamodb-balance';

import {
  looselyGetCurrentBalance,
  looselyTransact,
  recordAsBefore,
  rejection,
  request,
} from './harness/calls';
import { inDynamoDb } from './harness/tables';

const USER_ID_IS_REQUIRED_TO_READ = 'Invalid input: userId is required.';
const KEY_IS_REQUIRED = 'Idempotent key is required';
const USER_ID_IS_REQUIRED = 'User ID is required';
const AMOUNT_MUST_BE_POSITIVE = 'Amount must be greater than 0';
const TYPE_MUST_BE_EITHER = 'Transaction type must be either "credit" or "debit"';
const DUPLICATE = 'Duplicate transaction: This idempotentKey has already been used.';
const INSUFFICIENT = 'Insufficient balance: Cannot process debit transaction.';

/** The ways in which a required string can be absent. */
const ABSENCES = [
  { what: 'missing', value: undefined },
  { what: 'null', value: null },
  { what: 'empty', value: '' },
];

async function messageOf(call: Promise<unknown>): Promise<string> {
  return (await rejection(call)).message;
}

describe(`getCurrentBalance: ${USER_ID_IS_REQUIRED_TO_READ}`, () => {
  test.each(ABSENCES)('when userId is $what', async ({ value }) => {
    const message = await messageOf(looselyGetCurrentBalance({ userId: value }));
    expect(message).toBe(USER_ID_IS_REQUIRED_TO_READ);
  });

  test('when the input has no userId at all', async () => {
    const message = await messageOf(looselyGetCurrentBalance({}));
    expect(message).toBe(USER_ID_IS_REQUIRED_TO_READ);
  });
});

describe(`transact: ${KEY_IS_REQUIRED}`, () => {
  test.each(ABSENCES)('when idempotentKey is $what', async ({ value }) => {
    const message = await messageOf(looselyTransact({ ...request(), idempotentKey: value }));
    expect(message).toBe(KEY_IS_REQUIRED);
  });
});

describe(`transact: ${USER_ID_IS_REQUIRED}`, () => {
  test.each(ABSENCES)('when userId is $what', async ({ value }) => {
    const message = await messageOf(looselyTransact({ ...request(), userId: value }));
    expect(message).toBe(USER_ID_IS_REQUIRED);
  });
});

describe(`transact: ${AMOUNT_MUST_BE_POSITIVE}`, () => {
  test.each([
    { what: 'zero', value: 0 },
    { what: 'negative zero', value: -0 },
    { what: 'negative', value: -0.01 },
    { what: 'null', value: null },
  ])('when amount is $what', async ({ value }) => {
    const message = await messageOf(looselyTransact({ ...request(), amount: value }));
    expect(message).toBe(AMOUNT_MUST_BE_POSITIVE);
  });
});

describe(`transact: ${TYPE_MUST_BE_EITHER}`, () => {
  test.each([
    { what: 'missing', value: undefined },
    { what: 'null', value: null },
    { what: 'empty', value: '' },
    { what: 'another word', value: 'refund' },
    { what: 'in capitals', value: 'CREDIT' },
    { what: 'surrounded by blanks', value: ' debit ' },
    { what: 'a number', value: 1 },
    { what: 'an array of the right word', value: ['credit'] },
  ])('when type is $what', async ({ value }) => {
    const message = await messageOf(looselyTransact({ ...request(), type: value }));
    expect(message).toBe(TYPE_MUST_BE_EITHER);
  });
});

describe(`transact: ${DUPLICATE}<the key>`, () => {
  test('when the same request was recorded before', async () => {
    const twice = request();
    await transact(twice);
    expect(await messageOf(transact(twice))).toBe(`${DUPLICATE}${twice.idempotentKey}`);
  });

  test('when the key was recorded for another request', async () => {
    const first = request();
    await transact(first);
    const message = await messageOf(transact({ ...first, amount: first.amount + 1 }));
    expect(message.startsWith(`${DUPLICATE}${first.idempotentKey}`)).toBe(true);
  });
});

describe(`transact: ${INSUFFICIENT}`, () => {
  test('when the debit is larger than the balance', async () => {
    const message = await messageOf(transact(request({ amount: 101, type: 'debit' })));
    expect(message).toBe(INSUFFICIENT);
  });
});

describe('transact tells the first thing that is wrong', () => {
  const wrong = { idempotentKey: '', userId: '', amount: 0, type: 'refund' };

  test('idempotentKey before userId, amount and type', async () => {
    expect(await messageOf(looselyTransact(wrong))).toBe(KEY_IS_REQUIRED);
  });

  test('userId before amount and type', async () => {
    const { idempotentKey } = request();
    const message = await messageOf(looselyTransact({ ...wrong, idempotentKey }));
    expect(message).toBe(USER_ID_IS_REQUIRED);
  });

  test('amount before type', async () => {
    const message = await messageOf(looselyTransact({ ...request(), amount: 0, type: 'refund' }));
    expect(message).toBe(AMOUNT_MUST_BE_POSITIVE);
  });

  test('type before a key that was used', async () => {
    const first = request();
    await transact(first);
    const message = await messageOf(looselyTransact({ ...first, type: 'refund' }));
    expect(message).toBe(TYPE_MUST_BE_EITHER);
  });

  test('a key that was used before a balance that no longer suffices', async () => {
    const debit = request({ amount: 60, type: 'debit' });
    await transact(debit);
    expect(await messageOf(transact(debit))).toBe(`${DUPLICATE}${debit.idempotentKey}`);
  });

  inDynamoDb.test('a key that was used before a balance that never sufficed', async () => {
    const debit = request({ amount: 101, type: 'debit' });
    await recordAsBefore(debit);
    expect(await messageOf(transact(debit))).toBe(`${DUPLICATE}${debit.idempotentKey}`);
  });
});
