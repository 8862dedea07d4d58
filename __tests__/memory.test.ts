// Memory levels off however many calls are made: `npm run memory` makes a million, and lets the
// process grow by less than 5 MiB in the second half, which would show a leak of 10 bytes a call.
// Here there is time for 60,000 in 30 seconds, whichever comes first. The limit stays 5 MiB, since
// the noise of a process's memory does not shrink with the number of calls; what it shows is a
// leak of 175 bytes a call: a forgotten promise, buffer or task, but not a forgotten number.

import { runProgram } from './harness/program';

test('memory levels off', async () => {
  const { code, signal, output, complaints } = await runProgram(
    'memory.mjs',
    ['--calls', '60000', '--seconds', '30'],
    { timeout: 100_000 },
  );
  process.stdout.write(output);

  expect({ code, signal, complaints }).toEqual({ code: 0, signal: null, complaints: '' });
  const { growthInSecondHalf } = JSON.parse(output);
  expect(growthInSecondHalf).toBeLessThan(5);
});
