// A process ends when it is told to, at once and without a crash, whatever its calls are doing.

import { startStandIn } from './citizen/start-stand-in.cjs';
import { type Ending, runProgram } from './harness/program';

/** Far below the 25 seconds for which an unanswered call waits, far above a busy machine's pauses. */
const AT_ONCE = 3000;

const SITUATIONS = [
  'without an answer',
  'waiting for credentials',
  'waiting for a retry',
  'being answered',
  'closing their client',
];

let standIn: Awaited<ReturnType<typeof startStandIn>>;

beforeAll(async () => {
  standIn = await startStandIn();
});

afterAll(() => standIn.stop());

async function ending(situation: string, end: string): Promise<Ending> {
  return await runProgram('end.cjs', [standIn.endpoint, situation, end], {
    ...(end.startsWith('a signal') ? { signal: 'SIGTERM' } : {}),
    timeout: 20_000,
  });
}

describe.each(SITUATIONS)('with calls %s', (situation) => {
  test.each([
    { end: 'exit', code: 7 },
    { end: 'exit, with more calls on the way out', code: 7 },
    { end: 'an uncaught exception', code: 1, complaint: 'Error: for this test' },
    {
      end: 'an unhandled rejection',
      code: 1,
      complaint: 'BalanceError: Idempotent key is required',
    },
    { end: 'a signal that is handled', code: 7 },
  ])('$end ends the process', async ({ end, code, complaint = '' }) => {
    const { complaints, millisecondsAfterReady, ...how } = await ending(situation, end);

    expect(how).toEqual({ code, signal: null, output: 'ready\n' });
    expect(complaints).toContain(complaint);
    expect(complaints).not.toMatch(/panic|fatal/i);
    expect(millisecondsAfterReady).toBeLessThan(AT_ONCE);
  });

  test('SIGTERM ends the process', async () => {
    const { complaints, millisecondsAfterReady, ...how } = await ending(situation, 'a signal');

    expect(how).toEqual({ code: null, signal: 'SIGTERM', output: 'ready\n' });
    expect(complaints).toBe('');
    expect(millisecondsAfterReady).toBeLessThan(AT_ONCE);
  });
});

test('it ends without a crash at 20 random moments', async () => {
  for (let moment = 0; moment < 20; moment += 1) {
    const { code, signal } = await ending('being answered', 'exit');

    expect({ code, signal }).toEqual({ code: 7, signal: null });
  }
});
