// npm run memory: calls without end must not take memory without end.
//
//   --calls N     how many calls (default: 1,000,000)
//   --seconds N   for how long at most (default: without end)
//
// 64 callers at once, a mixture of successes, refusals and reads, against a stand-in for DynamoDB
// in another process. The memory of this process is sampled all the time, each time after a
// collection: V8's heap swings by 20 MiB between two of its own. Growth in the second half is the
// mean of the run's last tenth less the mean of the tenth after the middle.

import { createRequire } from 'node:module';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
const { clientOf, mixedCall } = require('./calls.cjs');
const { startStandIn } = require('./start-stand-in.cjs');

const CALLERS = 64;
const SAMPLE_EVERY = 500;
const MOST_GROWTH = 5;

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});
const calls = Number(values.calls);
const mostSeconds = Number(values.seconds);
if (!(calls >= 20 * SAMPLE_EVERY && mostSeconds > 0)) {
  throw new Error(`calls must be at least ${20 * SAMPLE_EVERY}, seconds more than 0`);
}

setFlagsFromString('--expose-gc');
/** @type {() => void} */
const collectGarbage = runInNewContext('gc');

const standIn = await startStandIn();
const client = clientOf(standIn.endpoint);
const started = performance.now();
/** @type {number[]} */
const samples = [];
/** How much of it is V8's heap, which tells on which side of the boundary a leak is. @type {number[]} */
const heapSamples = [];
let begun = 0;
let answered = 0;

await Promise.all(Array.from({ length: CALLERS }, callAgainAndAgain));

const seconds = secondsSoFar();
await standIn.stop();
const growth = meanOf(samples, 0.9, 1) - meanOf(samples, 0.5, 0.6);
const figures = {
  calls: answered,
  seconds: round(seconds),
  callsPerSecond: Math.round(answered / seconds),
  mebibytesByTenth: byTenth(samples),
  heapMebibytesByTenth: byTenth(heapSamples),
  growthInSecondHalf: round(growth),
  mostGrowth: MOST_GROWTH,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exitCode = growth < MOST_GROWTH ? 0 : 1;

async function callAgainAndAgain() {
  while (begun < calls && secondsSoFar() < mostSeconds) {
    const number = begun;
    begun += 1;
    await mixedCall(client, number);
    answered += 1;
    if (answered % SAMPLE_EVERY === 0) {
      collectGarbage();
      const { rss, heapTotal } = process.memoryUsage();
      samples.push(rss / 2 ** 20);
      heapSamples.push(heapTotal / 2 ** 20);
    }
  }
}

function secondsSoFar() {
  return (performance.now() - started) / 1000;
}

/** @param {number[]} samples */
function byTenth(samples) {
  return Array.from({ length: 10 }, (_, tenth) =>
    round(meanOf(samples, tenth / 10, (tenth + 1) / 10)),
  );
}

/**
 * The mean of the samples between two parts of the run.
 *
 * @param {number[]} samples
 * @param {number} from
 * @param {number} to
 */
function meanOf(samples, from, to) {
  const part = samples.slice(samples.length * from, samples.length * to);
  return part.reduce((sum, sample) => sum + sample, 0) / part.length;
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 100) / 100;
}
