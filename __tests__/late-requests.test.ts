// A refusal after an unanswered attempt is final: should that attempt still arrive, it is refused
// as well, even if the balance would cover it by then.

import { BalanceClient } from 'dynamodb-balance';

import { balanceItem, fresh, record, recordsOf } from './harness/tables';
import { type Answer, openWire, type Reaction, serviceError, type Wire } from './harness/wire';

let wire: Wire;

afterEach(() => wire.close());

/** A client with short deadlines, through a wire that does this to its first requests. */
async function clientThrough(...reactions: Reaction[]): Promise<BalanceClient> {
  wire = await openWire((index) => reactions[index] ?? 'forward');
  return new BalanceClient({ endpoint: wire.endpoint, attemptTimeout: 1000 });
}

async function untilPassed(requests: number): Promise<void> {
  while (wire.passed.length < requests) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function debit(userId = fresh('user')) {
  return { idempotentKey: fresh('key'), userId, amount: 101, type: 'debit' } as const;
}

/** A request that arrives when `release` is called. */
function lateRequest() {
  let release: () => void = () => undefined;
  let answered: (answer: Answer) => void = () => undefined;
  const at = new Promise<void>((resolve) => {
    release = resolve;
  });
  const answer = new Promise<Answer>((resolve) => {
    answered = resolve;
  });
  return { reaction: { at, answered }, release, answer };
}

test('a debit that was refused does not take effect when its first attempt arrives', async () => {
  const late = lateRequest();
  const client = await clientThrough(late.reaction);
  const input = debit();
  await expect(client.transact(input)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
  await new BalanceClient().transact({
    idempotentKey: fresh('key'),
    userId: input.userId,
    amount: 500,
    type: 'credit',
  });

  late.release();

  expect((await late.answer).body).toContain('ConditionalCheckFailed');
  await expect(new BalanceClient().getCurrentBalance(input)).resolves.toBe(600);
  await expect(record(input.idempotentKey)).resolves.toBeUndefined();
});

test('its key stays free', async () => {
  const client = await clientThrough('lose the request');
  const input = debit();
  await client.transact(input).catch(() => undefined);
  await client.transact({ ...debit(input.userId), type: 'credit' });

  await expect(client.transact(input)).resolves.toBeUndefined();
  await expect(client.getCurrentBalance(input)).resolves.toBe(100);
});

test('a debit that the balance covers once its epoch is over goes through', async () => {
  const client = await clientThrough('lose the request', 'forward', 'hang');
  const input = debit();
  const outcome = client.transact(input);
  await untilPassed(3);
  await new BalanceClient().transact({ ...debit(input.userId), type: 'credit' });

  await expect(outcome).resolves.toBeUndefined();
  await expect(client.getCurrentBalance(input)).resolves.toBe(100);
  expect(await recordsOf(input.userId)).toHaveLength(2);
});

test('a lost answer to the end of an epoch is asked for again', async () => {
  const client = await clientThrough('lose the request', 'forward', 'lose the answer');

  await expect(client.transact(debit())).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
});

test('a first attempt that takes effect before its epoch is over is a success', async () => {
  const late = lateRequest();
  const client = await clientThrough(late.reaction, 'forward', 'hang');
  const input = debit();
  const outcome = client.transact(input);
  await untilPassed(3);
  await new BalanceClient().transact({ ...debit(input.userId), type: 'credit' });
  late.release();
  await late.answer;

  await expect(outcome).resolves.toBeUndefined();
  expect(await recordsOf(input.userId)).toHaveLength(2);
});

test('a credential that may not end an epoch leaves the outcome unknown', async () => {
  const denied = serviceError('AccessDeniedException');
  const client = await clientThrough('lose the request', 'forward', denied);

  await expect(client.transact(debit())).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    message: expect.stringContaining('Access denied'),
  });
});

test('a refusal without an unanswered attempt costs one request and writes nothing', async () => {
  const client = await clientThrough();
  const input = debit();
  await client.transact(input).catch(() => undefined);

  expect(wire.passed).toHaveLength(1);
  await expect(balanceItem(input.userId)).resolves.toBeUndefined();
});
