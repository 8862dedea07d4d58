// Requests that outlive the call that sent them: something on the way holds them, says nothing, and
// delivers them when the same key was refused and the balance would cover it.

import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { BalanceClient } from 'dynamodb-balance';

import { fresh, record } from './harness/tables';
import { type Answer, openWire, type Wire } from './harness/wire';
import { Caller } from './outages/fleet.cjs';

const CALLER = join(__dirname, 'outages', 'caller.cjs');

const EPOCH = 5000;
/** An epoch, and a second for the clocks (docs/protocol.md). */
const WINDOW = EPOCH + 1000;

/** Until a request has left, in milliseconds. */
const ON_ITS_WAY = 500;

let wire: Wire;
/** While this is so, transactions are held. */
let isHolding: boolean;
let held: Promise<Answer>[];
let release: () => void;

beforeEach(async () => {
  isHolding = true;
  held = [];
  const at = new Promise<void>((resolve) => {
    release = resolve;
  });
  wire = await openWire((_, { operation }) => {
    if (operation !== 'TransactWriteItems' || !isHolding) {
      return 'forward';
    }
    let answered: (answer: Answer) => void = () => undefined;
    held.push(
      new Promise((resolve) => {
        answered = resolve;
      }),
    );
    return { at, answered };
  });
});

afterEach(() => wire.close());

function options() {
  return { endpoint: wire.endpoint, attemptTimeout: 300, callTimeout: 1000 };
}

function debit(userId = fresh('user')) {
  return { idempotentKey: fresh('key'), userId, amount: 150, type: 'debit' } as const;
}

function creditFor(userId: string) {
  return { idempotentKey: fresh('key'), userId, amount: 100, type: 'credit' } as const;
}

/** A request takes effect late only if no write of a later epoch came before it. */
async function epochBegins(): Promise<void> {
  await sleep(EPOCH - (Date.now() % EPOCH));
}

/** Delivers what is held. */
async function deliver(): Promise<void> {
  expect(held.length).toBeGreaterThan(0);
  release();
  await Promise.all(held);
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => 'OK',
    (error) => error.code,
  );
}

test('a refusal after an unknown outcome is final, whatever arrives later', async () => {
  const client = new BalanceClient(options());
  const input = debit();
  await expect(codeOf(client.transact(input))).resolves.toBe('OUTCOME_UNKNOWN');
  isHolding = false;

  await expect(codeOf(client.transact(input))).resolves.toBe('INSUFFICIENT_BALANCE');
  await client.transact(creditFor(input.userId));
  await deliver();

  await expect(client.getCurrentBalance(input)).resolves.toBe(200);
  await expect(record(input.idempotentKey)).resolves.toBeUndefined();
});

test('also of a cancelled call', async () => {
  const client = new BalanceClient({ ...options(), callTimeout: 25_000 });
  const input = debit();
  const patience = new AbortController();
  const outcome = codeOf(client.transact(input, { signal: patience.signal }));
  await sleep(ON_ITS_WAY);
  patience.abort();
  await expect(outcome).resolves.toBe('OUTCOME_UNKNOWN');
  isHolding = false;

  await expect(codeOf(client.transact(input))).resolves.toBe('INSUFFICIENT_BALANCE');
  await client.transact(creditFor(input.userId));
  await deliver();

  await expect(client.getCurrentBalance(input)).resolves.toBe(200);
});

test('and of those who travelled together', async () => {
  const client = new BalanceClient(options());
  const userId = fresh('user');
  const inputs = [debit(userId), debit(userId), debit(userId)];
  const unknown = await Promise.all(inputs.map((input) => codeOf(client.transact(input))));
  expect(unknown).toContain('OUTCOME_UNKNOWN');
  isHolding = false;

  for (const input of inputs) {
    await expect(codeOf(client.transact(input))).resolves.toBe('INSUFFICIENT_BALANCE');
  }
  await client.transact({ ...creditFor(userId), amount: 1000 });
  await deliver();

  await expect(client.getCurrentBalance({ userId })).resolves.toBe(1100);
});

test('what takes effect before it is asked for again is a duplicate', async () => {
  await epochBegins();
  const client = new BalanceClient(options());
  const input = debit();
  await expect(codeOf(client.transact(input))).resolves.toBe('OUTCOME_UNKNOWN');
  isHolding = false;
  await new BalanceClient().transact(creditFor(input.userId));
  await deliver();

  await expect(codeOf(client.transact(input))).resolves.toBe('DUPLICATE_TRANSACTION');
  await expect(client.getCurrentBalance(input)).resolves.toBe(50);
});

test('a request that outlives its process has no effect after a write of a later epoch', async () => {
  const killed = new Caller(fork(CALLER), options());
  const input = debit();
  void killed.transact(input);
  await sleep(ON_ITS_WAY);
  await killed.kill();
  isHolding = false;
  const client = new BalanceClient(options());
  await expect(codeOf(client.transact(input))).resolves.toBe('INSUFFICIENT_BALANCE');

  await sleep(WINDOW);
  await client.transact(creditFor(input.userId));
  await deliver();

  await expect(client.getCurrentBalance(input)).resolves.toBe(200);
  await expect(record(input.idempotentKey)).resolves.toBeUndefined();
});
