// A caller can end a call early with an AbortSignal. The two outcomes are those of a deadline.

import { getEventListeners, setMaxListeners } from 'node:events';

import { BalanceClient } from 'dynamodb-balance';

import { rejection, request } from './harness/calls';
import { fresh } from './harness/tables';
import { cancelled, openWire, type Reaction, serviceError, type Wire } from './harness/wire';

let wire: Wire;

afterEach(() => wire.close());

async function clientThrough(reaction: Reaction): Promise<BalanceClient> {
  wire = await openWire(() => reaction);
  return new BalanceClient({ endpoint: wire.endpoint });
}

async function untilPassed(requests: number): Promise<void> {
  while (wire.passed.length < requests) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a call that is aborted before it starts sends nothing', async () => {
  const client = await clientThrough('forward');

  await expect(client.transact(request(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    message: expect.stringMatching(/^Nothing happened: the call was cancelled\./),
  });
  expect(wire.passed).toEqual([]);
});

test('aborting with a request under way leaves the outcome unknown', async () => {
  const client = await clientThrough('hang');
  const controller = new AbortController();
  const outcome = client.transact(request(), { signal: controller.signal });
  await untilPassed(1);
  controller.abort();

  await expect(outcome).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    retryable: true,
    message: expect.stringMatching(
      /^Outcome unknown: the call was cancelled\..*same idempotentKey/,
    ),
  });
});

test('aborting a read means that nothing happened', async () => {
  const client = await clientThrough('hang');
  const controller = new AbortController();
  const outcome = client.getCurrentBalance({ userId: 'user' }, { signal: controller.signal });
  await untilPassed(1);
  controller.abort();

  await expect(outcome).rejects.toMatchObject({ code: 'NOTHING_HAPPENED' });
});

test('aborting while credentials are fetched sends nothing', async () => {
  wire = await openWire();
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: () => new Promise(() => undefined),
  });
  const controller = new AbortController();
  const outcome = client.transact(request(), { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);

  await expect(outcome).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    message: expect.stringContaining('cancelled'),
  });
  expect(wire.passed).toEqual([]);
});

test("the signal's reason is the cause", async () => {
  const client = await clientThrough('forward');
  const reason = new Error('the user went away');

  await expect(
    client.transact(request(), { signal: AbortSignal.abort(reason) }),
  ).rejects.toMatchObject({ cause: reason });
});

/** The record of another request is in the way. */
function keyTaken() {
  const Item = { userId: { S: 'somebody' }, amount: { N: '1' }, type: { S: 'credit' } };
  return serviceError('TransactionCanceledException', {
    CancellationReasons: [{ Code: 'ConditionalCheckFailed', Item }, { Code: 'None' }],
  });
}

test.each([
  ['a refusal', serviceError('AccessDeniedException'), 'ACCESS_DENIED'],
  ['a duplicate', keyTaken(), 'IDEMPOTENT_KEY_REUSED'],
  ['a conflict until the deadline', cancelled('None', 'TransactionConflict'), 'NOTHING_HAPPENED'],
])('%s is not caused by a signal that ended nothing', async (_name, answer, code) => {
  wire = await openWire(() => answer);
  const client = new BalanceClient({ endpoint: wire.endpoint, callTimeout: 300 });
  // Aborted as the answer arrives: too late to have been told.
  const signal = {
    addEventListener() {},
    removeEventListener() {},
    get aborted() {
      return wire.passed.length > 0;
    },
    reason: new Error('too late'),
  } as unknown as AbortSignal;
  const error = await rejection(client.transact(request(), { signal }));

  expect(error.code).toBe(code);
  expect(error.cause).not.toBe(signal.reason);
});

test('an abort is not the cause of what was wrong before', async () => {
  const client = await clientThrough('forward');
  const signal = AbortSignal.abort(new Error('the user went away'));

  const error = await rejection(client.transact(request({ amount: 0 }), { signal }));
  expect(error).toMatchObject({ code: 'INVALID_AMOUNT' });
  expect(error.cause).toBeUndefined();
});

describe('one signal for a thousand calls', () => {
  const CALLS = 1000;

  /** A signal that counts its listeners. */
  function counted(): { controller: AbortController; listeners: () => number } {
    const controller = new AbortController();
    return {
      controller,
      listeners: () => getEventListeners(controller.signal, 'abort').length,
    };
  }

  test('has one listener, and none once they are answered', async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error) => warnings.push(warning);
    process.on('warning', collect);
    const client = await clientThrough('forward');
    const { controller, listeners } = counted();
    // Any limit at all: some versions of Node set none for signals.
    setMaxListeners(1, controller.signal);
    const userId = fresh('user');
    const calls = Array.from({ length: CALLS }, () =>
      client.getCurrentBalance({ userId }, controller),
    );

    expect(listeners()).toBe(1);
    await expect(Promise.all(calls)).resolves.toEqual(Array(CALLS).fill(100));
    expect(listeners()).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', collect);
    expect(warnings).toEqual([]);
  });

  test('ends all that are under way, and no others', async () => {
    const client = await clientThrough('hang');
    const { controller, listeners } = counted();
    const other = new AbortController();
    const calls = Array.from({ length: CALLS }, () =>
      client.getCurrentBalance({ userId: 'user' }, controller),
    );
    const another = client.getCurrentBalance({ userId: 'user' }, other);
    await untilPassed(1);
    const reason = new Error('the server goes down');
    controller.abort(reason);

    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'NOTHING_HAPPENED', cause: reason });
    }
    expect(listeners()).toBe(0);
    other.abort();
    await expect(another).rejects.toMatchObject({ cause: other.signal.reason });
  });

  test('goes on for the others when one is answered', async () => {
    wire = await openWire((index) => (index === 0 ? 'forward' : 'hang'));
    const client = new BalanceClient({ endpoint: wire.endpoint });
    const controller = new AbortController();
    await client.transact(request(), controller);
    const [first, second] = [request(), request()].map((input) =>
      client.transact(input, controller),
    );
    await untilPassed(3);
    controller.abort();

    await expect(first).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(second).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });
});

test('a signal that is never aborted changes nothing', async () => {
  const client = await clientThrough('forward');
  const { signal } = new AbortController();

  await expect(client.transact(request(), { signal })).resolves.toBeUndefined();
});

test('aborting after the answer changes nothing', async () => {
  const client = await clientThrough('forward');
  const controller = new AbortController();
  await client.transact(request(), { signal: controller.signal });

  expect(() => controller.abort()).not.toThrow();
});

test('something other than a signal is refused by name', async () => {
  const client = await clientThrough('forward');

  await expect(
    client.transact(request(), { signal: 'stop' as unknown as AbortSignal }),
  ).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: 'Invalid option: signal must be an AbortSignal',
  });
  expect(wire.passed).toEqual([]);
});
