// Where the old implementation guessed, coerced or failed halfway, the call is refused before
// anything is written, in the voice of the other messages.

import { getCurrentBalance, transact } from 'dynamodb-balance';
import * as fc from 'fast-check';

import { looselyGetCurrentBalance, looselyTransact, rejection, request } from './harness/calls';
import { balanceItem, fresh, putBalanceItem, record } from './harness/tables';

const LARGEST_KEY = 2048;
const UNPAIRED_SURROGATES = ['\ud83d', '\ude00', 'before \ud83d after', '\ude00\ud83d'];

/** Values of the wrong type for a field that must be a string, and the words for them. */
const NOT_STRINGS = [
  { what: 'the number 42', value: 42, words: 'a number' },
  { what: 'the number 0', value: 0, words: 'a number' },
  { what: 'true', value: true, words: 'a boolean' },
  { what: 'false', value: false, words: 'a boolean' },
  { what: 'a bigint', value: 42n, words: 'a bigint' },
  { what: 'an object', value: { id: 'x' }, words: 'an object' },
  { what: 'an array', value: ['x'], words: 'an object' },
  { what: 'a String object', value: new String('x'), words: 'an object' },
  { what: 'a symbol', value: Symbol('x'), words: 'a symbol' },
  { what: 'a function', value: () => 'x', words: 'a function' },
];

/** Refused as told, with nothing written under the key or for the user. */
async function expectRefused(changes: object, code: string, message: string): Promise<void> {
  const sound = request();
  const refusal = await rejection(looselyTransact({ ...sound, ...changes }));
  expect(refusal.message).toEqual(message);
  expect(refusal.code).toBe(code);
  expect(refusal.retryable).toBe(false);
  expect(await record(sound.idempotentKey)).toBeUndefined();
  expect(await balanceItem(sound.userId)).toBeUndefined();
}

/** A string that nobody used before, of so many bytes in UTF-8 and about half as many letters. */
function ofBytes(bytes: number): string {
  const start = fresh('long');
  const rest = bytes - Buffer.byteLength(start);
  return start + 'é'.repeat(rest / 2) + 'x'.repeat(rest % 2);
}

describe('an amount that is not a finite number', () => {
  test.each([
    { what: 'NaN', value: Number.NaN, message: 'Amount must be a finite number, not NaN' },
    {
      what: 'Infinity',
      value: Number.POSITIVE_INFINITY,
      message: 'Amount must be a finite number, not Infinity',
    },
    {
      what: '-Infinity',
      value: Number.NEGATIVE_INFINITY,
      message: 'Amount must be greater than 0',
    },
    {
      what: 'undefined',
      value: undefined,
      message: 'Amount must be a number, not undefined',
    },
    { what: "'50'", value: '50', message: 'Amount must be a number, not a string' },
    { what: 'empty text', value: '', message: 'Amount must be a number, not a string' },
    { what: 'true', value: true, message: 'Amount must be a number, not a boolean' },
    { what: 'false', value: false, message: 'Amount must be a number, not a boolean' },
    { what: 'a bigint', value: 50n, message: 'Amount must be a number, not a bigint' },
    { what: 'an object', value: {}, message: 'Amount must be a number, not an object' },
    { what: 'an array', value: [50], message: 'Amount must be a number, not an object' },
    {
      what: 'a Number object',
      value: new Number(50),
      message: 'Amount must be a number, not an object',
    },
    { what: 'a symbol', value: Symbol('50'), message: 'Amount must be a number, not a symbol' },
    { what: 'a function', value: () => 50, message: 'Amount must be a number, not a function' },
  ])('$what is refused', async ({ value, message }) => {
    await expectRefused({ amount: value }, 'INVALID_AMOUNT', message);
  });

  test('an object is never asked to become a number', async () => {
    const convert = jest.fn(() => 50);
    await expectRefused(
      { amount: { [Symbol.toPrimitive]: convert, valueOf: convert, toString: convert } },
      'INVALID_AMOUNT',
      'Amount must be a number, not an object',
    );
    expect(convert).not.toHaveBeenCalled();
  });
});

describe('an amount that DynamoDB cannot hold', () => {
  test.each([1e126, Number.MAX_VALUE, 9.999999999999999e-131, Number.MIN_VALUE])(
    '%p is refused',
    async (amount) => {
      await expectRefused(
        { amount },
        'AMOUNT_OUT_OF_RANGE',
        expect.stringMatching(
          /^Amount must be between 1e-130 and 9\.9{37}e\+125, the range of a DynamoDB number, not /,
        ),
      );
    },
  );

  test.each([1e-130, 9.999999999999998e125])('%p works: it can be held', async (amount) => {
    const edge = request({ amount });
    await putBalanceItem({ userId: { S: edge.userId }, balance: { N: '0' } });
    await transact(edge);
    await expect(getCurrentBalance(edge)).resolves.toBe(amount);
  });
});

describe('a balance that would not fit into 38 digits', () => {
  async function expectOutOfRange(
    balance: string | undefined,
    movement: { amount: number; type: 'credit' | 'debit' },
  ): Promise<void> {
    const refused = request(movement);
    if (balance !== undefined) {
      await putBalanceItem({ userId: { S: refused.userId }, balance: { N: balance } });
    }
    const before = await balanceItem(refused.userId);
    const refusal = await rejection(transact(refused));
    expect(refusal.code).toBe('AMOUNT_OUT_OF_RANGE');
    expect(refusal.message).toMatch(/^Amount out of range: .*38 digits/);
    expect(refusal.retryable).toBe(false);
    expect(await record(refused.idempotentKey)).toBeUndefined();
    expect(await balanceItem(refused.userId)).toEqual(before);
  }

  test('100 + 1e-36 has 39 digits and is refused', async () => {
    await expectOutOfRange(undefined, { amount: 1e-36, type: 'credit' });
  });

  test('100 - 1e-37 has 39 digits and is refused', async () => {
    await expectOutOfRange(undefined, { amount: 1e-37, type: 'debit' });
  });

  test('a small credit to a huge balance is refused, not swallowed', async () => {
    await expectOutOfRange('1e100', { amount: 0.01, type: 'credit' });
  });

  test('a small debit of a huge balance is refused, not swallowed', async () => {
    await expectOutOfRange('1e100', { amount: 0.01, type: 'debit' });
  });

  test('a balance beyond the largest DynamoDB number is refused', async () => {
    await expectOutOfRange('9e125', { amount: 9e125, type: 'credit' });
  });

  test('100 + 1e-35 has 38 digits and works', async () => {
    const credit = request({ amount: 1e-35 });
    await transact(credit);
    expect((await balanceItem(credit.userId))?.balance).toEqual({
      N: '100.00000000000000000000000000000000001',
    });
  });
});

describe('idempotentKey', () => {
  test.each(NOT_STRINGS)('$what is refused', async ({ value, words }) => {
    await expectRefused(
      { idempotentKey: value },
      'INVALID_IDEMPOTENT_KEY',
      `Idempotent key must be a string, not ${words}`,
    );
  });

  test('2,049 bytes are refused, though half as many letters', async () => {
    await expectRefused(
      { idempotentKey: ofBytes(LARGEST_KEY + 1) },
      'INVALID_IDEMPOTENT_KEY',
      'Idempotent key must be at most 2048 bytes long in UTF-8, not 2049',
    );
  });

  test('2,048 bytes work', async () => {
    const longest = request({ idempotentKey: ofBytes(LARGEST_KEY) });
    await transact(longest);
    expect((await record(longest.idempotentKey))?.idempotentKey).toEqual({
      S: longest.idempotentKey,
    });
  });

  // Replaced by U+FFFD they would make different keys one.
  test.each(UNPAIRED_SURROGATES)('the unpaired surrogate in %j is refused', async (text) => {
    await expectRefused(
      { idempotentKey: text },
      'INVALID_IDEMPOTENT_KEY',
      'Idempotent key must be well-formed Unicode, without unpaired surrogates',
    );
  });

  test('letters beyond the basic plane and U+FFFD itself work', async () => {
    const unusual = request({ idempotentKey: `${fresh('key')} 😀 \ufffd` });
    await transact(unusual);
    expect((await record(unusual.idempotentKey))?.idempotentKey).toEqual({
      S: unusual.idempotentKey,
    });
  });
});

describe('userId of transact', () => {
  test.each(NOT_STRINGS)('$what is refused', async ({ value, words }) => {
    await expectRefused(
      { userId: value },
      'INVALID_USER_ID',
      `User ID must be a string, not ${words}`,
    );
  });

  test('2,049 bytes are refused, though half as many letters', async () => {
    await expectRefused(
      { userId: ofBytes(LARGEST_KEY + 1) },
      'INVALID_USER_ID',
      'User ID must be at most 2048 bytes long in UTF-8, not 2049',
    );
  });

  test('2,048 bytes work', async () => {
    const longest = request({ userId: ofBytes(LARGEST_KEY) });
    await transact(longest);
    await expect(getCurrentBalance(longest)).resolves.toBe(150);
  });

  test.each(UNPAIRED_SURROGATES)('the unpaired surrogate in %j is refused', async (text) => {
    await expectRefused(
      { userId: text },
      'INVALID_USER_ID',
      'User ID must be well-formed Unicode, without unpaired surrogates',
    );
  });
});

describe('userId of getCurrentBalance', () => {
  async function expectReadRefused(userId: unknown, message: string): Promise<void> {
    const refusal = await rejection(looselyGetCurrentBalance({ userId }));
    expect(refusal.message).toBe(message);
    expect(refusal.code).toBe('INVALID_USER_ID');
    expect(refusal.retryable).toBe(false);
  }

  test.each(NOT_STRINGS)('$what is refused', async ({ value, words }) => {
    await expectReadRefused(value, `Invalid input: userId must be a string, not ${words}.`);
  });

  test('2,049 bytes are refused, though half as many letters', async () => {
    await expectReadRefused(
      ofBytes(LARGEST_KEY + 1),
      'Invalid input: userId must be at most 2048 bytes long in UTF-8, not 2049.',
    );
  });

  test.each(UNPAIRED_SURROGATES)('the unpaired surrogate in %j is refused', async (text) => {
    await expectReadRefused(
      text,
      'Invalid input: userId must be well-formed Unicode, without unpaired surrogates.',
    );
  });
});

describe('a call without an input object', () => {
  const EMPTY_INPUTS = [undefined, null, 0, 42, 42n, '', 'text', true, false, Symbol('x'), [], {}];

  test('transact() lacks a key', async () => {
    const refusal = await rejection(looselyTransact());
    expect(refusal.message).toBe('Idempotent key is required');
    expect(refusal.code).toBe('INVALID_IDEMPOTENT_KEY');
  });

  test('getCurrentBalance() lacks a user', async () => {
    const refusal = await rejection(looselyGetCurrentBalance());
    expect(refusal.message).toBe('Invalid input: userId is required.');
    expect(refusal.code).toBe('INVALID_USER_ID');
  });

  test.each(EMPTY_INPUTS.map((input) => ({ input })))(
    'transact of $input lacks a key',
    async ({ input }) => {
      const refusal = await rejection(looselyTransact(input));
      expect(refusal.message).toBe('Idempotent key is required');
      expect(refusal.code).toBe('INVALID_IDEMPOTENT_KEY');
    },
  );

  test.each(EMPTY_INPUTS.map((input) => ({ input })))(
    'getCurrentBalance of $input lacks a user',
    async ({ input }) => {
      const refusal = await rejection(looselyGetCurrentBalance(input));
      expect(refusal.message).toBe('Invalid input: userId is required.');
      expect(refusal.code).toBe('INVALID_USER_ID');
    },
  );
});

describe('whatever the input, a promise comes back and rejects with a BalanceError only', () => {
  const anything = fc.oneof(
    fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    }),
    fc.constantFrom<unknown>(Symbol('x'), () => 'x', class {}, new Proxy({}, {})),
  );

  /** A synchronous throw fails the test here, before there is anything to await. */
  async function expectOrderly(call: () => Promise<unknown>): Promise<void> {
    const promise = call();
    expect(promise).toBeInstanceOf(Promise);
    await promise.catch((error: unknown) => rejection(Promise.reject(error)));
  }

  test('transact, with anything as its input', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (input) => {
        await expectOrderly(() => looselyTransact(input));
      }),
      { numRuns: 500 },
    );
  });

  test('getCurrentBalance, with anything as its input', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (input) => {
        await expectOrderly(() => looselyGetCurrentBalance(input));
      }),
      { numRuns: 500 },
    );
  });

  test('transact, with anything in its fields', async () => {
    const fields = fc.record({
      idempotentKey: fc.oneof(fc.uuid(), anything),
      userId: fc.oneof(fc.uuid(), anything),
      amount: fc.oneof(fc.double(), anything),
      type: fc.oneof(fc.constantFrom('credit', 'debit'), anything),
    });
    await fc.assert(
      fc.asyncProperty(fields, async (input) => {
        await expectOrderly(() => looselyTransact(input));
      }),
      { numRuns: 500 },
    );
  });

  test('getCurrentBalance, with anything as its userId', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (userId) => {
        await expectOrderly(() => looselyGetCurrentBalance({ userId }));
      }),
      { numRuns: 500 },
    );
  });
});
