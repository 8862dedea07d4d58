// Requests that hang for some users do not take the places of the others.

import { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';
import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

/** More than there are places for requests that are not slow: 64 for transactions, 8 for reads. */
const HANGING = 100;

let wire: Wire;
let client: BalanceClient;
let hasEnded: boolean;

beforeEach(async () => {
  wire = await openWire((_index, { body }) => (body.includes('hanging') ? 'hang' : 'forward'));
  client = new BalanceClient({ endpoint: wire.endpoint });
  hasEnded = false;
});

afterEach(() => wire.close());

/** Takes note of the first of these calls that ends; none does before its deadline of 25 s. */
function leave(calls: Promise<unknown>[]): void {
  const note = () => {
    hasEnded = true;
  };
  calls.forEach((call) => void call.then(note, note));
}

test('reads of other users are answered meanwhile', async () => {
  leave(
    Array.from({ length: HANGING }, () => client.getCurrentBalance({ userId: fresh('hanging') })),
  );
  for (let round = 0; round < 20; round += 1) {
    const others = Array.from({ length: 10 }, () =>
      client.getCurrentBalance({ userId: fresh('user') }),
    );
    expect(await Promise.all(others)).toEqual(Array(10).fill(100));
  }
  expect(hasEnded).toBe(false);
});

test('transactions of other users are answered meanwhile', async () => {
  leave(
    Array.from({ length: HANGING }, () => client.transact(request({ userId: fresh('hanging') }))),
  );
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => client.transact(request())));
  }
  expect(hasEnded).toBe(false);
});

test('one user cannot fill the client for everybody', async () => {
  const userId = fresh('hanging');
  const calls = Array.from({ length: 16_385 }, () => client.transact(request({ userId })));
  leave(calls.slice(0, -1));
  await expect(calls.at(-1)).rejects.toMatchObject({
    code: 'TOO_MANY_CALLS',
    message: expect.stringContaining('16384 of this user'),
  });
  await expect(client.transact(request())).resolves.toBeUndefined();
});
