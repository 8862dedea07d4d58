// Everything has a deadline, and at the deadline the code says which of the two it is: nothing
// happened, or the outcome is unknown.

import { BalanceClient } from 'dynamodb-balance';

import { fresh, record } from './harness/tables';
import { cancelled, openWire, type Reaction, serviceError, type Wire } from './harness/wire';

let wire: Wire;

afterEach(() => wire.close());

/** A client whose every request meets this, with deadlines short enough for a test. */
async function clientThrough(reaction: Reaction): Promise<BalanceClient> {
  wire = await openWire(() => reaction);
  return new BalanceClient({ endpoint: wire.endpoint, attemptTimeout: 150, callTimeout: 400 });
}

function credit(client: BalanceClient): Promise<void> {
  return client.transact({
    idempotentKey: fresh('key'),
    userId: fresh('user'),
    amount: 1,
    type: 'credit',
  });
}

const NOT_TAKEN: [string, Reaction][] = [
  ['a conflict on the balance', cancelled('None', 'TransactionConflict')],
  ['a conflict on the key', cancelled('TransactionConflict', 'None')],
  ['a throttled item', cancelled('None', 'ThrottlingError')],
  ['a throttled table', serviceError('ProvisionedThroughputExceededException')],
  ['a throttled account', serviceError('ThrottlingException')],
  ['a request limit', serviceError('RequestLimitExceeded')],
];

describe.each(NOT_TAKEN)('%s until the deadline', (_name, reaction) => {
  test('is tried again', async () => {
    await credit(await clientThrough(reaction)).catch(() => undefined);

    expect(wire.passed.length).toBeGreaterThan(1);
  });

  test('means that nothing happened', async () => {
    await expect(credit(await clientThrough(reaction))).rejects.toMatchObject({
      code: 'NOTHING_HAPPENED',
      retryable: true,
      message: expect.stringMatching(/^Nothing happened: .* 400 ms .*No money moved/),
    });
  });
});

const UNANSWERED: [string, Reaction][] = [
  ['silence', 'hang'],
  ['lost requests', 'lose the request'],
  ['lost answers', 'lose the answer'],
  ['internal errors', serviceError('InternalServerError', {}, 500)],
];

describe.each(UNANSWERED)('%s until the deadline', (_name, reaction) => {
  test('leaves the outcome of a transaction unknown', async () => {
    await expect(credit(await clientThrough(reaction))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      retryable: true,
      message: expect.stringMatching(/^Outcome unknown: .*again with the same idempotentKey/),
    });
  });

  test('means that nothing happened to a read', async () => {
    const client = await clientThrough(reaction);

    await expect(client.getCurrentBalance({ userId: fresh('user') })).rejects.toMatchObject({
      code: 'NOTHING_HAPPENED',
      retryable: true,
    });
  });
});

test('an unknown outcome is settled by calling again with the same key', async () => {
  const client = await clientThrough('lose the answer');
  const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 1 };
  await expect(client.transact({ ...input, type: 'credit' })).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  });

  await expect(new BalanceClient().transact({ ...input, type: 'credit' })).rejects.toMatchObject({
    code: 'DUPLICATE_TRANSACTION',
  });
  await expect(record(input.idempotentKey)).resolves.toBeDefined();
});

test('a host that cannot be reached means that nothing happened', async () => {
  const client = await clientThrough('hang');
  await wire.close();

  await expect(credit(client)).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    message: expect.stringContaining('could not be reached'),
    cause: expect.objectContaining({ message: expect.stringContaining('refused') }),
  });
});

test('credentials that do not arrive mean that nothing happened', async () => {
  wire = await openWire();
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    callTimeout: 300,
    credentials: () => new Promise(() => undefined),
  });

  await expect(credit(client)).rejects.toMatchObject({ code: 'NOTHING_HAPPENED' });
  expect(wire.passed).toEqual([]);
});
