// However many callers and processes move one account at once, it never goes below zero and adds
// up to the last cent.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { BalanceClient, type TransactInput } from 'dynamodb-balance';
import { request } from './harness/calls';
import { exactly, numberIn, shortest, sumOf } from './harness/decimal';
import { balanceItem, fresh, inDynamoDb, record, recordsOf } from './harness/tables';

const DEFAULT_BALANCE = exactly('100');

// Hundreds of calls at once can keep DynamoDB Local busy for longer than an attempt may usually
// take, and what was not answered may not be called refused. Deadlines are another file's promise.
const PATIENCE = { attemptTimeout: 60_000, callTimeout: 110_000 };

const client = new BalanceClient(PATIENCE);

/** What became of a call: 'CONFIRMED', or the error's code. */
type Outcome = string;

const children: ChildProcess[] = [];

// A test that fails halfway must not leave processes behind.
afterAll(() => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
});

/** Makes all the calls at once in a process of their own. */
async function transactInProcess(requests: TransactInput[]): Promise<Outcome[]> {
  const child = fork(join(__dirname, 'harness', 'transact-in-process.cjs'), {
    env: { ...process.env },
  });
  children.push(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process ended without an answer: ${code ?? signal}`);
  });
  child.send({ options: PATIENCE, requests });
  const [outcomes] = await Promise.race([once(child, 'message'), ended]);
  return outcomes;
}

/** Reads the balance over and over while the work goes on. */
async function watch(userId: string, work: Promise<unknown>): Promise<number[]> {
  const seen: number[] = [];
  let isDone = false;
  const noteEnd = () => {
    isDone = true;
  };
  const end = work.then(noteEnd, noteEnd);
  while (!isDone) {
    seen.push(await client.getCurrentBalance({ userId }));
  }
  await end;
  return seen;
}

/** Whole cents that look random and are the same in every run. */
function centsGenerator(seed: number): (largest: number) => number {
  let state = seed;
  return (largest) => {
    // The constants of Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + (state % largest);
  };
}

/** Credits of up to 20 and debits of up to 60: the account is often almost empty. */
function mixedRequests(userId: string, seed: number, count: number): TransactInput[] {
  const cents = centsGenerator(seed);
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0
      ? request({ userId, amount: cents(2000) / 100, type: 'credit' })
      : request({ userId, amount: cents(6000) / 100, type: 'debit' }),
  );
}

describe('300 debits of 1 at once on a balance of 100', () => {
  const userId = fresh('user');
  const debits = Array.from({ length: 300 }, () => request({ userId, amount: 1, type: 'debit' }));
  let outcomes: Outcome[];

  beforeAll(async () => {
    outcomes = await Promise.all(
      debits.map((debit) =>
        client.transact(debit).then(
          () => 'CONFIRMED',
          (error) => error.code,
        ),
      ),
    );
  });

  test('exactly 100 pass', () => {
    expect(outcomes.filter((outcome) => outcome === 'CONFIRMED')).toHaveLength(100);
  });

  test('the other 200 are told that the balance does not suffice', () => {
    expect(outcomes.filter((outcome) => outcome === 'INSUFFICIENT_BALANCE')).toHaveLength(200);
  });

  test('nothing is left', async () => {
    await expect(client.getCurrentBalance({ userId })).resolves.toBe(0);
  });

  test('those that passed left their records, and nobody else did', async () => {
    const recorded = (await recordsOf(userId)).map((item) => item.idempotentKey?.S);
    const confirmed = debits
      .filter((_, index) => outcomes[index] === 'CONFIRMED')
      .map((debit) => debit.idempotentKey);
    expect(recorded.sort()).toEqual(confirmed.sort());
  });
});

inDynamoDb.describe('credits and debits from four processes at once on one account', () => {
  const userId = fresh('user');
  const perProcess = [1, 2, 3, 4].map((seed) => mixedRequests(userId, seed, 600));
  const requests = perProcess.flat();
  let outcomes: Outcome[];
  let seen: number[];

  beforeAll(async () => {
    const work = Promise.all(perProcess.map(transactInProcess));
    seen = await watch(userId, work);
    outcomes = (await work).flat();
  });

  test('every call is confirmed or told that the balance does not suffice, and both occur', () => {
    expect(new Set(outcomes)).toEqual(new Set(['CONFIRMED', 'INSUFFICIENT_BALANCE']));
  });

  test('the balance is never below zero', () => {
    expect(new Set(seen).size).toBeGreaterThan(10);
    expect(seen.filter((balance) => balance < 0)).toEqual([]);
  });

  test('those that were confirmed left their records, and nobody else did', async () => {
    const recorded = (await recordsOf(userId)).map((item) => item.idempotentKey?.S);
    const confirmed = requests
      .filter((_, index) => outcomes[index] === 'CONFIRMED')
      .map((request) => request.idempotentKey);
    expect(recorded.sort()).toEqual(confirmed.sort());
  });

  test('the balance is exactly 100 plus what was confirmed', async () => {
    const confirmed = requests
      .filter((_, index) => outcomes[index] === 'CONFIRMED')
      .map(({ amount, type }) => (type === 'credit' ? shortest(amount) : -shortest(amount)));
    const sum = confirmed.reduce((total, movement) => total + movement, 0n);
    expect(numberIn(await balanceItem(userId), 'balance')).toBe(DEFAULT_BALANCE + sum);
  });

  test('the balance is exactly 100 plus the records', async () => {
    const sum = sumOf(await recordsOf(userId));
    expect(numberIn(await balanceItem(userId), 'balance')).toBe(DEFAULT_BALANCE + sum);
  });
});

inDynamoDb.test('one key in four processes at once: one effect', async () => {
  const credit = request({ amount: 7 });
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => transactInProcess(Array(10).fill(credit))),
  );
  const others = outcomes.flat().filter((outcome) => outcome !== 'CONFIRMED');
  expect(others).toEqual(Array(39).fill('DUPLICATE_TRANSACTION'));
  expect(numberIn(await balanceItem(credit.userId), 'balance')).toBe(exactly('107'));
  expect(numberIn(await record(credit.idempotentKey), 'amount')).toBe(exactly('7'));
});
