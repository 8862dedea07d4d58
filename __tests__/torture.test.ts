// Whatever happens between a call and DynamoDB, every call tells the truth. Short runs of the
// torture with fixed seeds; `npm run torture` does the same for as long as one likes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Figures {
  isGood: boolean;
  calls: number;
  requests: number;
  faults: number;
  untrueAnswers: number;
  falseDuplicates: number;
  unknown: number;
  settled: number;
  histories: number;
  undecided: number;
  looks: number;
  kills: number;
  heldPastWindow: number;
  answers: Record<string, number>;
  faultsMet: Record<string, number>;
  complaints: string[];
}

/** Runs a part of the torture in a process of its own and returns what it found out. */
async function torture(script: string, ...options: string[]): Promise<Figures> {
  const path = join(__dirname, 'torture', script);
  const child = spawn(process.execPath, [path, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  if (output === '') {
    throw new Error(`${script} broke down:\n${complaints}`);
  }
  return JSON.parse(output) as Figures;
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What holds whatever the seed. */
const TRUE = {
  isGood: true,
  complaints: [],
  untrueAnswers: 0,
  falseDuplicates: 0,
  undecided: 0,
};

test('the judge agrees with trying every order of thousands of small histories', async () => {
  await expect(torture('checker-check.mjs', '--histories', '5000')).resolves.toMatchObject({
    histories: 5000,
  });
});

test.each(['1', '2'])(
  '40 callers in 4 processes with a fifth of the requests meeting a fault: all true (seed %s)',
  async (seed) => {
    const figures = await torture('run.mjs', '--calls', '480', '--seed', seed, '--json');

    expect(figures).toMatchObject(TRUE);
    expect(figures.settled).toBe(figures.unknown);
    expect(figures.histories).toBeGreaterThan(0);
    expect(figures.looks).toBeGreaterThan(0);
    expect(figures.faults / figures.requests).toBeGreaterThan(0.1);
  },
);

test.each(['hanging users', 'dead connections', 'clock skew'])(
  'faults that last: %s',
  async (only) => {
    const figures = await torture(
      'run.mjs',
      ...['--calls', '480', '--seed', '4', '--json', '--only', only],
    );

    expect(figures).toMatchObject(TRUE);
    expect(figures.settled).toBe(figures.unknown);
    expect(figures.faultsMet[only]).toBeGreaterThan(0);
  },
);

test('credentials that sometimes take longer than a call', async () => {
  const figures = await torture(
    'run.mjs',
    ...['--calls', '240', '--seed', '4', '--json', '--only', 'hanging credentials'],
  );

  expect(figures).toMatchObject(TRUE);
  expect(figures.answers['NOTHING_HAPPENED']).toBeGreaterThan(0);
});

test('callers without patience: what they are told at their deadline is true', async () => {
  const impatience = ['--cancelled', '0.1', '--call-timeout', '1500'];
  const figures = await torture(
    'run.mjs',
    '--calls',
    '480',
    '--seed',
    '3',
    '--json',
    ...impatience,
  );

  expect(figures).toMatchObject(TRUE);
  expect(figures.unknown).toBeGreaterThan(0);
});

test('processes killed under load and started again: nothing lost, nothing doubled', async () => {
  const figures = await torture('crash.mjs', '--kills', '20', '--seed', '1', '--json');

  expect(figures).toMatchObject(TRUE);
  expect(figures.kills).toBeGreaterThanOrEqual(20);
});

test('what outlives its process has no effect once the window is over', async () => {
  const figures = await torture(
    'crash.mjs',
    ...['--kills', '15', '--seed', '2', '--json', '--only', 'request held', '--faults', '0.3'],
  );

  expect(figures).toMatchObject(TRUE);
  expect(figures.heldPastWindow).toBeGreaterThan(0);
});
