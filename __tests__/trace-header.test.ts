// X-Amzn-Trace-Id: in AWS Lambda, requests say which invocation they are of, as those of the AWS SDK do.

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

const FUNCTION = 'AWS_LAMBDA_FUNCTION_NAME';
const TRACE = '_X_AMZN_TRACE_ID';

let wire: Wire;

beforeEach(async () => {
  wire = await openWire();
});

afterEach(async () => {
  delete process.env[FUNCTION];
  delete process.env[TRACE];
  await wire.close();
});

function clientInLambda(): BalanceClient {
  process.env[FUNCTION] = 'purchases';
  return new BalanceClient({ endpoint: wire.endpoint });
}

function traces(): unknown[] {
  return wire.passed.map(({ headers }) => headers['x-amzn-trace-id']);
}

function credit(userId: string) {
  return { idempotentKey: fresh('key'), userId, amount: 1, type: 'credit' as const };
}

test('a request says of which invocation it is', async () => {
  const client = clientInLambda();
  for (const trace of ['Root=1-first;Sampled=1', 'Root=1-second;Sampled=0', undefined]) {
    if (trace === undefined) {
      delete process.env[TRACE];
    } else {
      process.env[TRACE] = trace;
    }
    await client.transact(credit(fresh('user')));
  }

  expect(traces()).toEqual(['Root=1-first;Sampled=1', 'Root=1-second;Sampled=0', undefined]);
});

test('so do reads and listings', async () => {
  const client = clientInLambda();
  process.env[TRACE] = 'Root=1-read';
  await client.getBalance({ userId: fresh('user') });
  await client.listTransactions({ userId: fresh('user') }).catch((error) => error);

  expect(wire.passed.map(({ operation }) => operation).slice(0, 2)).toEqual(['GetItem', 'Query']);
  expect(traces().slice(0, 2)).toEqual(['Root=1-read', 'Root=1-read']);
});

test('one that carries calls of several invocations says the first', async () => {
  const client = clientInLambda();
  const user = fresh('user');
  process.env[TRACE] = 'Root=1-earlier';
  const earlier = client.transact(credit(user));
  process.env[TRACE] = 'Root=1-later';
  await Promise.all([earlier, client.transact(credit(user))]);

  expect(traces()).toEqual(['Root=1-earlier']);
});

test('outside of Lambda nothing is said', async () => {
  process.env[TRACE] = 'Root=1-elsewhere';
  const client = new BalanceClient({ endpoint: wire.endpoint });
  await client.transact(credit(fresh('user')));

  expect(traces()).toEqual([undefined]);
});

test.each(['two\nlines', 'Rööt', ' ', 'a'.repeat(1025)])(
  'what cannot be a header is left out: %j',
  async (trace) => {
    const client = clientInLambda();
    process.env[TRACE] = trace;
    await client.transact(credit(fresh('user')));

    expect(traces()).toEqual([undefined]);
  },
);
