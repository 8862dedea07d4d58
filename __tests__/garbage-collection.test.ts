// Clients that nobody holds any more are collected, even with calls in flight, which are answered
// all the same. In a process of its own, which a crash would end with a signal.

import { startStandIn } from './citizen/start-stand-in.cjs';
import { runProgram } from './harness/program';

const ROUNDS = 20;
const CLIENTS_IN_A_ROUND = 20;

let standIn: Awaited<ReturnType<typeof startStandIn>>;

beforeAll(async () => {
  standIn = await startStandIn();
});

afterAll(() => standIn.stop());

test('dropped clients answer, disappear and leave no memory behind', async () => {
  const program = [standIn.endpoint, String(ROUNDS)];
  // The program ends with code 0 only if every call had its right outcome.
  const ending = await runProgram('garbage-collection.cjs', program, {
    node: ['--expose-gc'],
    timeout: 100_000,
  });

  expect(ending).toMatchObject({ code: 0, signal: null, complaints: '' });
  const { clients, alive, mebibytes } = JSON.parse(ending.output);
  expect({ clients, alive }).toEqual({ clients: ROUNDS * CLIENTS_IN_A_ROUND, alive: 0 });
  const growth = mean(mebibytes.slice(-ROUNDS / 4)) - mean(mebibytes.slice(ROUNDS / 4, ROUNDS / 2));
  process.stdout.write(`grew by ${growth.toFixed(2)} MiB after the first quarter\n`);
  expect(growth).toBeLessThan(10);
});

function mean(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
