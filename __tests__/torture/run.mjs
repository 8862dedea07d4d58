// npm run torture: callers in several processes, faults on the wire, and a judge.
//
//   --calls N     how many calls (default: 10,000, or without end if --minutes is given)
//   --minutes N   for how long
//   --callers N   how many calls are under way at once (default 40)
//   --faults P    the share of requests that meet a fault (default 0.2)
//   --only NAME   the one fault there is, by its name in faults.mjs or conditions.mjs
//   --seed S      what the calls and faults follow from (default: the time)
//   --cancelled P the share of calls that their caller cancels (default 0)
//   --call-timeout N  the deadline of a call, in milliseconds (default 4,000)
//   --until-failure  stop after the first round in which something was untrue
//   --json        the figures as JSON, instead of the report

import process from 'node:process';
import { parseArgs } from 'node:util';

import { Figures } from './figures.mjs';
import { Worker } from './fleet.mjs';
import { openStage } from './stage.mjs';
import { callsOf, openingsOf, usersOf } from './workload.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./stage.mjs').Stage} Stage */

const PROCESSES = 4;

/** Calls of a caller in one round. Rounds are short, so that histories stay cheap to check. */
const CALLS_PER_CALLER = 12;

/** After so many rounds the tables are new, so that a run of hours does not fill the memory. */
const ROUNDS_PER_TABLES = 25;

const { values } = parseArgs({
  options: {
    calls: { type: 'string' },
    minutes: { type: 'string' },
    callers: { type: 'string', default: '40' },
    faults: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: String(Date.now()) },
    only: { type: 'string' },
    cancelled: { type: 'string', default: '0' },
    'call-timeout': { type: 'string', default: '4000' },
    'until-failure': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);
const mostCalls = Number(values.calls ?? (values.minutes === undefined ? 10_000 : Infinity));
const callers = Number(values.callers);
const faults = Number(values.faults);
const cancelled = Number(values.cancelled);
const callTimeout = Number(values['call-timeout']);
const { seed } = values;
if (
  ![minutes, mostCalls, callers, callTimeout].every((number) => number > 0) ||
  ![faults, cancelled].every((share) => share >= 0 && share <= 1)
) {
  throw new Error('shares must be between 0 and 1, and all other numbers more than 0');
}

const started = performance.now();
const figures = new Figures();
progress(`seed ${seed}\n`);
const stage = await openStage(
  { seed, faults, callTimeout, ...(values.only === undefined ? {} : { only: values.only }) },
  figures,
);
const workers = Array.from({ length: Math.min(PROCESSES, callers) }, () => new Worker());
await Promise.all(workers.map(({ ready }) => ready));

for (let round = 0; isTimeLeft(); round += 1) {
  if (round % ROUNDS_PER_TABLES === 0) {
    await stage.freshTables();
  }
  await playRound(stage, workers, `round-${round}`);
  progress(
    `${figures.calls} calls, ${figures.faulty} faults, ${figures.unknown} unknown, ` +
      `${figures.complaints.length} untrue, ${seconds().toFixed(0)} s\n`,
  );
}

await Promise.all(workers.map((worker) => worker.kill()));
await stage.close();
process.stdout.write(
  values.json ? `${JSON.stringify(figures)}\n` : `\n${figures.toScreen(seed, seconds())}\n`,
);
process.exitCode = figures.isGood ? 0 : 1;

function seconds() {
  return (performance.now() - started) / 1000;
}

function isTimeLeft() {
  if (values['until-failure'] && figures.complaints.length > 0) {
    return false;
  }
  return figures.calls < mostCalls && seconds() < minutes * 60;
}

/**
 * @param {Stage} stage
 * @param {Worker[]} workers
 * @param {string} name
 */
async function playRound(stage, workers, name) {
  const round = { seed, name, callers, groups: Math.max(1, Math.round(callers / 10)) };
  const openings = openingsOf(round);
  await stage.begin(name, openings);
  const turns = Math.min(CALLS_PER_CALLER, Math.ceil((mostCalls - figures.calls) / callers));
  /** @type {Operation[]} */
  const operations = [];
  const work = Promise.all(
    workers.map((worker, index) => {
      const lists = Array.from({ length: callers }, (_, caller) => caller)
        .filter((caller) => caller % workers.length === index)
        .map((caller) => callsOf(round, caller, turns));
      const task = {
        options: stage.options(),
        start: stage.start,
        lists,
        seed: `${seed}-${name}-${index}`,
        cancelled,
        credentials: stage.credentials,
      };
      return worker.carryOut(task, (operation) => operations.push(operation));
    }),
  );
  const users = usersOf(round);
  const [looks] = await Promise.all([stage.watch(users, work, openings), stage.sweep(work)]);
  await stage.judge(users, operations, looks, openings);
}

/** @param {string} text */
function progress(text) {
  process.stderr.write(text);
}
