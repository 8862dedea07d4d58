// Worker threads come and go with calls in flight; the process and its other threads go on. All of
// it in a process of its own, which a crash would end with a signal.

import { startStandIn } from './citizen/start-stand-in.cjs';
import { runProgram } from './harness/program';

let standIn: Awaited<ReturnType<typeof startStandIn>>;

beforeAll(async () => {
  standIn = await startStandIn();
});

afterAll(() => standIn.stop());

// The main thread's own calls are checked by the program, which ends by itself with code 0 only if
// all of them had the right outcome, and so did those of the workers that ended by themselves.
test.each([
  { end: 'terminate', workers: 100, code: 1 },
  { end: 'by itself', workers: 25, code: 0 },
  { end: 'process.exit', workers: 25, code: 7 },
  { end: 'an uncaught exception', workers: 25, code: 1 },
])('$workers workers end with calls in flight: $end', async ({ end, workers, code }) => {
  const program = [standIn.endpoint, end, String(workers)];
  const ending = await runProgram('worker-threads.cjs', program, { timeout: 110_000 });

  expect(ending).toMatchObject({ code: 0, signal: null, complaints: '' });
  expect(JSON.parse(ending.output)).toEqual({ [code]: workers });
});
