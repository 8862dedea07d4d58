// Whatever JavaScript passes in, what comes back is orderly: always a promise, every rejection a
// BalanceError with a documented code, never INTERNAL_ERROR, and no panic. In processes of their
// own, which a crash would end with a signal. `npm run boundary` does the same a million times.

import { randomInt } from 'node:crypto';

import { runProgram } from './harness/program';

/** Among all properties together. */
const RUNS = 20_000;

const seed = randomInt(2 ** 31);

test.each([
  'transact takes any input',
  'getCurrentBalance takes any input',
  'transact of a client takes any input',
  'getCurrentBalance of a client takes any input',
  'listTransactions takes any input',
  'iterateTransactions takes any input',
  'createTables takes any options',
  'a call takes any options',
  'transact takes any signal',
  'getCurrentBalance takes any signal',
  'the constructor takes any options',
  'a client with odd options takes calls',
  'a client takes any credentials',
  'a credentials function may return or throw anything',
])('%s', async (property) => {
  const program = ['--runs', String(RUNS), '--seed', String(seed), '--property', property];
  const { code, signal, output, complaints } = await runProgram('boundary.mjs', program);
  process.stdout.write(output);

  expect(output).not.toContain('FAILED');
  // A panic is told there even if it became a rejection.
  expect(complaints).toBe('');
  expect({ code, signal }).toEqual({ code: 0, signal: null });
});
