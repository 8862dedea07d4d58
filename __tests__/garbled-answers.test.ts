// An answer that was damaged on its way is never taken for a success, and never for anything that
// the package has no name for.

import { BalanceClient, BalanceError } from 'dynamodb-balance';
import fc from 'fast-check';

import { request } from './harness/calls';
import { type Answer, cancelled, openWire, serviceError, type Wire } from './harness/wire';

const RUNS = 300;

/** Answers as DynamoDB gives them, to be damaged. */
const REFUSALS = [
  cancelled('ConditionalCheckFailed', 'None'),
  cancelled('None', 'ConditionalCheckFailed'),
  cancelled('None', 'TransactionConflict'),
  serviceError('ThrottlingException'),
  serviceError('AccessDeniedException'),
  serviceError('InternalServerError', {}, 500),
].map(({ status, body }) => ({ status, body }));

/** A piece of the answer cut out, and something else put in its place. */
const garbledRefusal = fc
  .record({
    refusal: fc.constantFrom(...REFUSALS),
    from: fc.nat(200),
    length: fc.nat(40),
    put: fc.string({ maxLength: 20 }),
  })
  .map(({ refusal: { status, body }, from, length, put }) => ({
    status,
    body: body.slice(0, from) + put + body.slice(from + length),
  }));

let answer: Answer;
let wire: Wire;
let client: BalanceClient;

beforeAll(async () => {
  wire = await openWire(() => answer);
  client = new BalanceClient({ endpoint: wire.endpoint, callTimeout: 30 });
});

afterAll(() => wire.close());

test('a damaged refusal of a transaction is never a success', async () => {
  await fc.assert(
    fc.asyncProperty(garbledRefusal, async (garbled) => {
      answer = garbled;
      const error: unknown = await client.transact(request()).catch((failure) => failure);

      expect(error).toBeInstanceOf(BalanceError);
      expect((error as BalanceError).code).not.toBe('INTERNAL_ERROR');
    }),
    { numRuns: RUNS },
  );
});

test('a damaged answer to a read is an error or a number', async () => {
  const answers = fc.oneof(
    garbledRefusal,
    fc.string().map((body) => ({ status: 200, body })),
    fc.json().map((body) => ({ status: 200, body })),
    fc
      .anything()
      .map((balance) => ({ status: 200, body: JSON.stringify({ Item: { balance } }) ?? '' })),
  );
  await fc.assert(
    fc.asyncProperty(answers, async (garbled) => {
      answer = garbled;
      const outcome: unknown = await client
        .getCurrentBalance({ userId: 'user' })
        .catch((failure) => failure);

      expect(typeof outcome === 'number' || outcome instanceof BalanceError).toBe(true);
      expect((outcome as BalanceError).code).not.toBe('INTERNAL_ERROR');
    }),
    { numRuns: RUNS },
  );
});
