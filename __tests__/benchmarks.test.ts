// The report of the benchmarks says what the results say. The results here are made up, so that it
// is known what the report has to be.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Measurement, Results, StartUp } from '../benches/measure/results';

const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));

afterAll(() => rmSync(folder, { recursive: true }));

type Load = Pick<Measurement, 'server' | 'operation' | 'users' | 'callers'>;

const reads: Load = { server: 'stand-in', operation: 'read', users: 'many', callers: 64 };
const transactions: Load = { ...reads, operation: 'transact' };
const hot: Load = { server: 'model', operation: 'transact', users: 'hot', callers: 64 };

const transfers: Load = { ...hot, operation: 'transfer' };
const sales: Load = { ...hot, operation: 'sale' };
const holds: Load = { ...hot, operation: 'reserve' };

const crowd: Load = { ...hot, users: 'many', callers: 512 };
const inFleet: Load = { ...hot, callers: 1 };

const GOALS = [
  'First balance over HTTPS in a fresh process, against SDK v3 bundled',
  '`require` alone',
  'CPU per `getCurrentBalance`, 64 callers, against SDK v3',
  'CPU per `getCurrentBalance`, 64 callers, against one hand-signed request per call',
  'CPU per `getCurrentBalance`, 1 caller, against SDK v3',
  'CPU per `transact`, 64 callers, many users, against SDK v3',
  'CPU per `transact`, 64 callers, many users, against one hand-signed request per call',
  'Hot account, 64 callers, 5 ms model: committed per second, against SDK v3 with retries',
  "Hot account, 64 callers: share of the model's physical limit (64 per round trip)",
  "Hot account, 2,000 callers: share of the model's physical limit (99 per round trip and process)",
  'Hot account, 64 callers each: committed per second by four processes, against one alone',
  '64 callers, 2,000 users paying one merchant, 5 ms model: transfers per second, against SDK v3 with retries',
  '64 callers, sales of three parties on one platform, 5 ms model: sales per second, against SDK v3 with retries',
  '64 callers, holds on one account, 5 ms model: holds per second, against SDK v3 with retries',
  'Many users, 512 callers of `transact`, model with 20 ms: share of what latency or the processor allows',
  'Many users, 512 callers of `transact`, 5 ms model: share of what latency or the processor allows',
  'Many users, 512 callers of `transact`, model with spread: share of what latency or the processor allows',
  'Many users, 512 callers of `transact`, model with 20 ms: p50',
  'One account, 32 processes with one call at a time, 160 calls due per second: p99',
  'One account, 32 processes with one call at a time, 160 calls due per second: attempts per commit (no more than SDK v3, or than the 4.3 before this was a goal)',
  'One account, 32 processes that call again at once: calls of the slowest process, against the median',
  'Memory above bare Node, 64 callers, against SDK v3 (the worse of reads and transactions)',
  'Memory of a call that waits, 60,000 calls (the worse of reads and transactions)',
  'WCU per transaction on a hot account, 64 callers',
];

/** One round of 100 calls in a second, with 1 ms of CPU time each, but for the changes. */
function measured(
  load: Load,
  peer: Measurement['peer'],
  changes: Partial<Measurement> = {},
): Measurement {
  return {
    ...load,
    processes: 1,
    peer,
    round: 1,
    calls: 100,
    seconds: 1,
    cpuMicroseconds: 100_000,
    p50: 5,
    p99: 9,
    memory: 100e6,
    ...changes,
  };
}

function counted(writeUnits: number, attempts = 100): Pick<Measurement, 'counted'> {
  const nothing = { requests: 0, conflicts: 0, throttled: 0, itemsRead: 0, readUnits: 0 };
  return { counted: { ...nothing, attempts, committed: 100, records: 100, writeUnits } };
}

/** Many processes with one call at a time each: calls that become due, and callers that call again. */
function fleetOf(peer: Measurement['peer'], attempts: number, fewest: number): Measurement[] {
  const load = { processes: 32, callsOfProcesses: [60, fewest, 61], ...counted(400, attempts) };
  return [
    measured(inFleet, peer, { ...load, arrivals: 160, seed: 1, p99: 125 }),
    measured(inFleet, peer, { ...load, p99: 1000 }),
  ];
}

function starts(peer: StartUp['peer'], times: [number, number][]): StartUp[] {
  return (['http', 'https'] as const).flatMap((protocol) =>
    times.map(([require, firstBalance]) => ({ peer, protocol, require, firstBalance })),
  );
}

/** Everything exactly as good as its goal. */
function justReached(): Results {
  return {
    date: '2024-02-29T12:34:56.789Z',
    minutes: 7,
    rounds: 3,
    machine: {
      processor: 'Some processor',
      cores: 2,
      memoryGiB: 8,
      system: 'Linux',
      node: '20.0.0',
      rust: 'rustc 1.94.0',
      sdk: '3.0.0',
      loadBefore: 0,
    },
    sizes: { package: 8e6, sdk: 20e6, bundle: 1e6 },
    startUp: [
      // The medians are 2.4 and 10 ms.
      ...starts('package', [
        [1, 10],
        [2.4, 9],
        [900, 900],
      ]),
      ...starts('bundle', [[50, 100]]),
      ...starts('sdk', [[100, 200]]),
    ],
    measurements: [
      measured(reads, 'package', { cpuMicroseconds: 1000, memory: 60e6 }),
      measured(reads, 'sdk', { cpuMicroseconds: 20_000, memory: 110e6 }),
      measured(reads, 'floor', { cpuMicroseconds: 1000 }),
      measured(reads, 'nothing', { memory: 50e6 }),
      measured({ ...reads, callers: 1 }, 'package', { cpuMicroseconds: 1000 }),
      measured({ ...reads, callers: 1 }, 'sdk', { cpuMicroseconds: 5000 }),
      measured(transactions, 'package', { cpuMicroseconds: 1000, memory: 70e6 }),
      measured(transactions, 'sdk', { cpuMicroseconds: 8000, memory: 110e6 }),
      measured(transactions, 'floor', { cpuMicroseconds: 1000 / 1.3 }),
      measured(hot, 'package', { calls: 11_520, ...counted(210) }),
      measured(hot, 'sdk', { calls: 115.2, ...counted(400) }),
      measured({ ...hot, callers: 2000 }, 'package', { calls: 18_216 }),
      measured(hot, 'package', { calls: 11_520, processes: 4 }),
      measured(transfers, 'package', { calls: 1000, ...counted(210) }),
      measured(transfers, 'sdk', { calls: 100, ...counted(400) }),
      measured(sales, 'package', { calls: 1500, ...counted(210) }),
      measured(sales, 'sdk', { calls: 100, ...counted(400) }),
      measured(holds, 'package', { calls: 3000, ...counted(210) }),
      measured(holds, 'sdk', { calls: 100, ...counted(400) }),
      measured({ ...hot, users: 'many' }, 'package', counted(400)),
      // Without latency, three quarters of it elsewhere, and with 20 ms what that allows.
      measured({ ...crowd, server: 'model without latency' }, 'package', { calls: 20_000 }),
      measured(crowd, 'package', { calls: 15_000 }),
      measured({ ...crowd, server: 'model with spread' }, 'package', { calls: 15_000 }),
      measured({ ...crowd, server: 'model with 20 ms' }, 'package', { calls: 15_000, p50: 39.9 }),
      ...fleetOf('package', 500, 40),
      ...fleetOf('sdk', 500, 10),
    ],
    waiting: [
      { operation: 'read', round: 1, bytesPerCall: 900 },
      { operation: 'transact', round: 1, bytesPerCall: 1500 },
    ],
  };
}

/** A page as the command writes it, read from the folder. */
function written(page: string, results: Results): string {
  mkdirSync(join(folder, 'benchmarks'), { recursive: true });
  writeFileSync(join(folder, 'benchmarks', 'results.json'), JSON.stringify(results));
  const program = join(__dirname, '..', 'benches', 'report', 'draw.mjs');
  execFileSync(process.execPath, [program, folder], { stdio: 'pipe' });
  return readFileSync(join(folder, page), 'utf8');
}

/** The cells behind each goal: the goal, what was reached, whether that is enough. */
function goalsOf(results: Results): Map<string, string[]> {
  const text = written(join('benchmarks', 'goals.md'), results);
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.slice(2).map((row) => row.split('|').map((cell) => cell.trim()));
  return new Map(cells.map(([, title = '', ...rest]) => [title, rest.slice(0, -1)]));
}

test('a goal that is just reached is met', () => {
  const goals = goalsOf(justReached());
  expect([...goals.keys()]).toEqual(GOALS);
  expect([...goals.values()].map(([, reached, verdict]) => [reached, verdict])).toEqual([
    ['10 ×', 'met'],
    ['2.4 ms', 'met'],
    ['20 ×', 'met'],
    ['1 × the floor', 'met'],
    ['5 ×', 'met'],
    ['8 ×', 'met'],
    ['1.3 × the floor', 'met'],
    ['100 ×', 'met'],
    ['90 %', 'met'],
    ['92 %', 'met'],
    ['1 ×', 'met'],
    ['10 ×', 'met'],
    ['15 ×', 'met'],
    ['30 ×', 'met'],
    ['75 %', 'met'],
    ['75 %', 'met'],
    ['75 %', 'met'],
    ['39.9 ms', 'met'],
    ['125 ms', 'met'],
    ['5', 'met'],
    ['1 : 1.5', 'met'],
    ['33.3 %', 'met'],
    ['1.5 KB', 'met'],
    ['2.1', 'met'],
  ]);
});

test('what the index for the history costs is told if it was measured', () => {
  const results = justReached();
  expect(written('benchmarks.md', results)).not.toContain('index for the history');
  const withHistory = { ...hot, server: 'model with history' } as const;
  results.measurements.push(measured(withHistory, 'package', { calls: 1010, ...counted(310) }));

  expect(written('benchmarks.md', results)).toMatch(
    /commits 1,010 transactions per second with\n64 callers, at 3\.1 WCU each/,
  );
});

test('what latency allows counts where the processor allows more', () => {
  const results = justReached();
  for (const measurement of results.measurements) {
    if (measurement.server === 'model without latency') {
      measurement.calls = 100_000;
    }
  }
  const page = written('benchmarks.md', results);

  // Of 512 callers divided by 20 ms.
  expect(page).toContain('| model with 20 ms | 25,600 | 15,000 | 58.6 % | 39.9 / 9 |');
});

test('a fleet is told apart by how it calls', () => {
  const fleet = written('benchmarks.md', justReached()).split('## A fleet')[1] ?? '';

  expect(fleet).toContain('| 160 due per second | this package | 100 | 5 / 125 | 5 |  |');
  expect(fleet).toContain('| again at once | this package | 100 | 5 / 1,000 | 5 | 1 : 1.5 |');
  expect(fleet).toContain('| again at once | SDK v3 | 100 | 5 / 1,000 | 5 | 1 : 6 |');
});

test('what is promised stands beside as many plain transactions', () => {
  const results = justReached();
  results.measurements.push(measured({ ...hot, operation: 'settle' }, 'package', counted(205)));
  const promises = written('benchmarks.md', results).split('## What the promises cost')[1] ?? '';

  expect(promises).toContain(
    '| a transfer | two of `transact` | one | 1,000 instead of 5,760 | 100 instead of 17.4 | 4.2 instead of 4.2 |',
  );
  // The hold twice, and the rest that is given back.
  expect(promises).toMatch(/\| a hold, half of it captured .*\| 6\.15 instead of 4\.2 \|/);
});

test('a goal that is just missed is not met', () => {
  const results = justReached();
  for (const start of results.startUp) {
    if (start.peer === 'package') {
      start.require += 0.1;
      start.firstBalance += 0.1;
    }
  }
  for (const measurement of results.measurements) {
    if (measurement.peer === 'package') {
      measurement.cpuMicroseconds *= 1.01;
      measurement.memory = Number(measurement.memory) + 1e6;
      measurement.calls -= measurement.processes;
      measurement.p50 += 0.1;
      measurement.p99 += 0.1;
      const callsOfProcesses = measurement.callsOfProcesses?.map((calls) => calls - 1);
      Object.assign(measurement, { ...counted(211, 501), callsOfProcesses });
    }
  }
  for (const waiting of results.waiting) {
    waiting.bytesPerCall += 1;
  }
  const verdicts = [...goalsOf(results).values()].map(([, , verdict]) => verdict);
  expect(verdicts).toEqual(GOALS.map(() => '**not met**'));
});

test('a goal that was not measured is not met', () => {
  const goals = goalsOf({ ...justReached(), measurements: [], waiting: [] });
  expect(goals.get('WCU per transaction on a hot account, 64 callers')).toEqual([
    '2.1',
    'not measured',
    '**not met**',
  ]);
});

test('what counts is the median of the rounds', () => {
  const results = justReached();
  const load: Load = { ...reads, callers: 8 };
  for (const calls of [700, 300, 500]) {
    results.measurements.push(measured(load, 'package', { calls }));
  }
  const throughput = written('benchmarks.md', results).split('## Throughput')[1] ?? '';
  expect(throughput).toContain('| stand-in | `getCurrentBalance` | many | 8 | 500 |');
});

test('each plot is drawn with the peers that it compares', () => {
  written('benchmarks.md', justReached());
  const plot = (name: string): string =>
    readFileSync(join(folder, 'benchmarks', `${name}.svg`), 'utf8');
  for (const name of ['start-up', 'cpu', 'hot-account']) {
    expect(plot(name)).toMatch(/^<svg .*this package.*SDK v3/s);
  }
  expect(plot('latency')).toMatch(/^<svg .*p50.*p99/s);
});

/** The contrast of two greys by their brightness, 0 to 255. Source: WCAG 2.2, relative luminance. */
function contrast(one: number, other: number): number {
  const luminance = (value: number) =>
    value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const [light, dark] = [luminance(Math.max(one, other)), luminance(Math.min(one, other))];
  return (light + 0.05) / (dark + 0.05);
}

test('the words of the plots can be read on white and on black', () => {
  written('benchmarks.md', justReached());
  const plots = ['why', 'start-up', 'cpu', 'hot-account', 'latency'].map((name) =>
    readFileSync(join(folder, 'benchmarks', `${name}.svg`), 'utf8'),
  );
  const greys = plots.flatMap((plot) =>
    [...plot.matchAll(/<text [^>]*fill="#(\w\w)\1\1"/g)].map(([, grey]) =>
      Number.parseInt(`${grey}`, 16),
    ),
  );

  expect(greys.length).toBeGreaterThan(20);
  for (const grey of new Set(greys)) {
    expect(contrast(grey, 255)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(grey, 0)).toBeGreaterThanOrEqual(4.5);
  }
});

test('the legend of the latencies has a line that is drawn for each percentile', () => {
  written('benchmarks.md', justReached());
  const plot = readFileSync(join(folder, 'benchmarks', 'latency.svg'), 'utf8');
  const samples = [
    ...plot.matchAll(
      /<path [^>]*stroke="#\w{6}" stroke-width="2" stroke-dasharray="(\d,\d)"[^>]*\/>/g,
    ),
  ];
  const dashes = samples
    .filter(([sample]) => sample.includes('d="M-15,0L15,0"'))
    .map(([, dash]) => dash);

  expect(dashes).toEqual(['1,0', '4,2']);
});
