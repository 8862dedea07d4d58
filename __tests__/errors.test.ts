// Every rejection is a BalanceError that can be recognised, matched on and traced to its caller.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BalanceClient, BalanceError, getCurrentBalance, transact } from 'dynamodb-balance';

import { looselyTransact, rejection, request } from './harness/calls';
import { fresh, inDynamoDb, putBalanceItem } from './harness/tables';

async function corruptAccount(): Promise<string> {
  const userId = fresh('user');
  await putBalanceItem({ userId: { S: userId }, balance: { S: 'corrupt' } });
  return userId;
}

interface Rejection {
  what: string;
  call: () => Promise<unknown>;
  code: string;
  message: unknown;
}

/** One rejection by the validation, and one by the database's answer to a write. */
const REJECTIONS: Rejection[] = [
  {
    what: 'invalid input',
    call: async () => await looselyTransact({}),
    code: 'INVALID_IDEMPOTENT_KEY',
    message: 'Idempotent key is required',
  },
  {
    what: 'an insufficient balance',
    call: async () => await transact(request({ amount: 101, type: 'debit' })),
    code: 'INSUFFICIENT_BALANCE',
    message: 'Insufficient balance: Cannot process debit transaction.',
  },
];

/** And one by the database's answer to a read. */
const CORRUPT: Rejection = {
  what: 'a corrupt balance',
  call: async () => await getCurrentBalance({ userId: await corruptAccount() }),
  code: 'CORRUPT_BALANCE',
  message: expect.stringMatching(/^Corrupt balance: /),
};

describe.each(REJECTIONS)('the error of $what', testRejection);
inDynamoDb.describe.each([CORRUPT])('the error of $what', testRejection);

/** The tests of one rejection. */
function testRejection({ call, code, message }: Rejection): void {
  let error: BalanceError;

  beforeAll(async () => {
    error = await rejection(call());
  });

  test('is a BalanceError', () => {
    expect(error).toBeInstanceOf(BalanceError);
  });

  test('is an Error of the realm it is caught in', () => {
    expect(error).toBeInstanceOf(Error);
  });

  test('is named BalanceError', () => {
    expect(error.name).toBe('BalanceError');
    expect(String(error)).toBe(`BalanceError: ${error.message}`);
  });

  test('has its code', () => {
    expect(error.code).toBe(code);
  });

  test('has its message', () => {
    expect(error.message).toEqual(message);
  });

  test('is not worth repeating', () => {
    expect(error.retryable).toBe(false);
  });

  test('has no cause: nothing underneath failed', () => {
    expect('cause' in error).toBe(false);
  });

  test('starts its stack with its name and message', () => {
    expect(error.stack?.startsWith(`BalanceError: ${error.message}\n`)).toBe(true);
  });
}

describe("the stack leads to the caller's await", () => {
  const client = new BalanceClient();

  test.each([
    {
      what: 'transact that is invalid',
      call: () => looselyTransact({}),
    },
    {
      what: 'transact that DynamoDB refused',
      call: () => transact(request({ amount: 101, type: 'debit' })),
    },
    {
      what: 'getCurrentBalance that is invalid',
      call: () => getCurrentBalance({ userId: '' }),
    },
    {
      what: "a client's transact that DynamoDB refused",
      call: () => client.transact(request({ amount: 101, type: 'debit' })),
    },
    {
      what: "a client's getCurrentBalance that is invalid",
      call: () => client.getCurrentBalance({ userId: '' }),
    },
  ])('of $what', async ({ call }) => {
    async function theCallerWhoAwaits(): Promise<void> {
      await call();
    }
    const { stack } = await rejection(theCallerWhoAwaits());
    expect(stack).toMatch(/at (async )?theCallerWhoAwaits \(.*errors\.test\.ts:\d+:\d+\)/);
  });

  inDynamoDb.test('of getCurrentBalance that met a corrupt balance', async () => {
    const userId = await corruptAccount();
    async function theCallerWhoAwaits(): Promise<void> {
      await getCurrentBalance({ userId });
    }
    const { stack } = await rejection(theCallerWhoAwaits());
    expect(stack).toMatch(/at (async )?theCallerWhoAwaits \(.*errors\.test\.ts:\d+:\d+\)/);
  });
});

/** Up to the quote of the last one: semicolons occur in the comments, too. */
const CODES_OF_THE_TYPES = /export type BalanceErrorCode =.*?';/s;

describe('the codes', () => {
  function codesIn(file: string, section: RegExp, code: RegExp): string[] {
    const text = readFileSync(join(__dirname, '..', file), 'utf8');
    const found = section.exec(text)?.[0] ?? '';
    return [...found.matchAll(code)].map((match) => match[1] ?? '');
  }

  const inRust = codesIn('src/error.rs', /\nerror_codes! \{.*?\n\}/s, /= "([A-Z_]+)", retryable/g);

  test('are found where they are declared', () => {
    expect(inRust).toContain('OUTCOME_UNKNOWN');
  });

  test('of the types are those of the core', () => {
    const typed = codesIn('index.d.ts', CODES_OF_THE_TYPES, /\| '([A-Z_]+)'/g);
    expect(typed).toEqual(inRust);
  });

  test('are all explained', () => {
    const explained = codesIn('index.d.ts', CODES_OF_THE_TYPES, /\*\/\s+\| '([A-Z_]+)'/g);
    expect(explained).toEqual(inRust);
  });
});

describe('an error made by a caller, for tests of their own', () => {
  const cause = new Error('underneath');
  const error = new BalanceError({
    code: 'OUTCOME_UNKNOWN',
    message: 'Outcome unknown',
    retryable: true,
    cause,
  });

  test('holds what it was given', () => {
    expect(error).toMatchObject({
      name: 'BalanceError',
      code: 'OUTCOME_UNKNOWN',
      message: 'Outcome unknown',
      retryable: true,
    });
    expect(error.cause).toBe(cause);
  });

  test('is a BalanceError and an Error', () => {
    expect(error).toBeInstanceOf(BalanceError);
    expect(error).toBeInstanceOf(Error);
  });
});

describe('nothing is thrown before there is a promise', () => {
  test.each([
    'getCurrentBalance',
    'transact',
    'getBalance',
    'getTransaction',
    'createTransaction',
    'createTransactions',
    'createHold',
    'captureHold',
    'releaseHold',
    'listHolds',
    'releaseExpiredHolds',
    'listTransactions',
    'createTables',
    'close',
  ] as const)('by %s, even without its client', async (name) => {
    const method = BalanceClient.prototype[name] as (this: undefined) => Promise<unknown>;
    await expect(method.call(undefined)).rejects.toThrow(TypeError);
  });
});
