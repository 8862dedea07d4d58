// $metadata: by what AWS Support finds the request that an error comes from.

import { BalanceClient, BalanceError } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire, type Reaction, serviceError, type Wire } from './harness/wire';

let wire: Wire | undefined;

afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

async function clientOn(...reactions: Reaction[]): Promise<BalanceClient> {
  wire = await openWire((index) => reactions[index] ?? 'forward');
  return new BalanceClient({ endpoint: wire.endpoint });
}

function refusedWith(requestId: string): Reaction {
  const { body } = serviceError('ThrottlingException');
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': requestId,
  };
  return { status: 400, body, headers };
}

function debit(amount: number) {
  return { idempotentKey: fresh('key'), userId: fresh('user'), amount, type: 'debit' as const };
}

async function rejection(call: Promise<unknown>): Promise<BalanceError> {
  return await call.then(
    () => Promise.reject(new Error('it succeeded')),
    (error) => error,
  );
}

test('a refusal has the identifier of its answer', async () => {
  const client = await clientOn();
  const error = await rejection(client.transact(debit(101)));

  expect(error).toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
  expect(error.$metadata).toEqual({
    requestId: expect.stringMatching(/^[\w-]{16,}$/),
    httpStatusCode: 400,
    attempts: 1,
  });
});

test('attempts before it are counted, and the last refusal is told', async () => {
  const client = await clientOn(refusedWith('first'), refusedWith('second'), {
    ...serviceError('ValidationException'),
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'third' },
  });

  expect((await rejection(client.transact(debit(1)))).$metadata).toEqual({
    requestId: 'third',
    httpStatusCode: 400,
    attempts: 3,
  });
});

test('so is the refusal behind the end of a call that ran out of time', async () => {
  const throttled = () => refusedWith('throttled');
  wire = await openWire(throttled);
  const client = new BalanceClient({ endpoint: wire.endpoint, callTimeout: 200 });
  const error = await rejection(client.getBalance({ userId: fresh('user') }));

  expect(error).toMatchObject({ code: 'NOTHING_HAPPENED' });
  expect(error.$metadata).toMatchObject({ requestId: 'throttled', httpStatusCode: 400 });
});

test('a listing that is refused has it as well', async () => {
  const client = await clientOn({
    ...serviceError('ValidationException'),
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'listing' },
  });

  expect((await rejection(client.listTransactions({ userId: 'user' }))).$metadata).toEqual({
    requestId: 'listing',
    httpStatusCode: 400,
    attempts: 1,
  });
});

test('without an answer there is none', async () => {
  const client = await clientOn();

  expect('$metadata' in (await rejection(client.transact(debit(-1))))).toBe(false);
});

test('an error that a test makes can have one', () => {
  const $metadata = { requestId: 'request', httpStatusCode: 400, attempts: 1 };
  const failure = { code: 'SERVICE_ERROR', message: 'for this test', retryable: false } as const;

  expect(new BalanceError({ ...failure, $metadata }).$metadata).toEqual($metadata);
  expect('$metadata' in new BalanceError(failure)).toBe(false);
});
