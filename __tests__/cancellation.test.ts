// A caller can end a call early with an AbortSignal. The two outcomes are those of a deadline.

import { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';
import { openWire, type Reaction, type Wire } from './harness/wire';

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

  await expect(outcome).rejects.toMatchObject({ message: expect.stringContaining('cancelled') });
  expect(wire.passed).toEqual([]);
});

test("the signal's reason is the cause", async () => {
  const client = await clientThrough('forward');
  const reason = new Error('the user went away');

  await expect(
    client.transact(request(), { signal: AbortSignal.abort(reason) }),
  ).rejects.toMatchObject({ cause: reason });
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
