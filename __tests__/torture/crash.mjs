// npm run torture:crash: processes killed with SIGKILL at random moments under load, and started
// again with the same keys. What was confirmed must be there, and nothing twice. Requests outlive
// their process: in the kernel, or held by the proxy, which delivers them when they do the most harm.
// After the window of docs/protocol.md each user gets a credit, and what is still held then must
// not take effect any more.
//
//   --kills N     how many processes to kill (default 200)
//   --faults P    the share of requests that meet a fault (default 0.2)
//   --only NAME   the one fault there is, by its name in faults.mjs or conditions.mjs
//   --until-failure  stop after the first round in which something was untrue
//   --seed S      what calls, faults and moments follow from (default: the time)
//   --json        the figures as JSON, instead of the report

import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Figures } from './figures.mjs';
import { Worker } from './fleet.mjs';
import { meaning } from './history.mjs';
import { Random } from './random.mjs';
import { openStage } from './stage.mjs';
import { callsOf, openingsOf, usersOf } from './workload.mjs';

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Operation} Operation */

/** Processes that live side by side, on the same users and keys. */
const LINES = 4;
const CALLERS_PER_LINE = 6;
/** Lives of a line in one round; the last one is spared, so that it can settle everything. */
const KILLS_PER_LINE = 5;
const TURNS = 16;
/** The longest that a process lives after it has begun to call, in milliseconds. */
const LONGEST_LIFE = 500;

const CALL_TIMEOUT = 3000;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    faults: { type: 'string', default: '0.2' },
    only: { type: 'string' },
    'until-failure': { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now()) },
    json: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const faults = Number(values.faults);
const { seed } = values;
if (!(kills > 0) || !(faults >= 0 && faults <= 1)) {
  throw new Error('kills must be more than 0, faults between 0 and 1');
}

const started = performance.now();
const figures = new Figures();
process.stderr.write(`seed ${seed}\n`);
const only = values.only === undefined ? {} : { only: values.only };
const stage = await openStage({ seed, faults, callTimeout: CALL_TIMEOUT, ...only }, figures);
await stage.freshTables();
const isOver = () => values['until-failure'] && figures.complaints.length > 0;
for (let round = 0; figures.kills < kills && !isOver(); round += 1) {
  await playRound(round);
  process.stderr.write(
    `${figures.kills} killed, ${figures.calls} calls, ${figures.complaints.length} untrue\n`,
  );
}
await stage.close();
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  values.json ? `${JSON.stringify(figures)}\n` : `\n${figures.toScreen(seed, seconds)}\n`,
);
process.exitCode = figures.isGood ? 0 : 1;

/**
 * In every other round the outage is over when the last processes start. Then nothing but the writes
 * themselves keeps out what the killed ones have sent.
 *
 * @param {number} number
 */
async function playRound(number) {
  const name = `crash-${number}`;
  const round = { seed, name, callers: LINES * CALLERS_PER_LINE, groups: 3 };
  const users = usersOf(round);
  const openings = openingsOf(round);
  const isSparedAtLast = number % 2 === 0;
  await stage.begin(name, openings);
  /** @type {Operation[]} */
  const operations = [];
  const work = Promise.all(
    Array.from({ length: LINES }, async (_, line) => {
      const lists = Array.from({ length: CALLERS_PER_LINE }, (_, caller) =>
        callsOf(round, line + LINES * caller, TURNS),
      );
      await live(new Random(seed, name, 'line', line), lists, operations, isSparedAtLast);
    }),
  );
  const [looks] = await Promise.all([stage.watch(users, work, openings), stage.sweep(work)]);
  operations.push(...(await stage.outlastWindow(name)));
  await stage.judge(users, operations, looks, openings);
}

/**
 * One process after the other takes up the calls where the last one was killed.
 *
 * @param {Random} random
 * @param {Call[][]} lists what each caller still has to ask for
 * @param {Operation[]} operations
 * @param {boolean} isSparedAtLast whether the last process meets no fault
 */
async function live(random, lists, operations, isSparedAtLast) {
  for (let life = 0; lists.some(({ length }) => length > 0); life += 1) {
    const isSpared = isSparedAtLast && life >= KILLS_PER_LINE;
    const worker = new Worker();
    await worker.ready;
    const callers = lists.map((calls) => ({ calls, since: stage.elapsed() }));
    const work = worker.carryOut(
      {
        options: isSpared ? stage.sparedOptions() : stage.options(),
        start: stage.start,
        lists: lists.map((calls) => [...calls]),
        seed: `${seed}-${life}`,
        cancelled: 0,
        credentials: isSpared ? 'given' : stage.credentials,
      },
      (operation, index) => {
        operations.push(operation);
        const caller = callers[index];
        if (caller !== undefined && meaning(operation.answer) !== 'unknown') {
          caller.calls.shift();
          caller.since = operation.answered;
        }
      },
    );
    if (life >= KILLS_PER_LINE) {
      await work;
      await worker.kill();
      return;
    }
    const death = sleep(random.whole(0, LONGEST_LIFE));
    const end = await Promise.race([death.then(() => 'killed'), work.catch(() => 'killed')]);
    await worker.kill();
    await work.catch(() => {});
    if (end === 'killed') {
      figures.kills += 1;
      mourn(callers, operations);
    }
  }
}

/**
 * The calls that a killed process may have been making. It cannot tell, and their keys are used
 * again in the next life.
 *
 * @param {{ calls: Call[], since: number }[]} callers
 * @param {Operation[]} operations
 */
function mourn(callers, operations) {
  const client = `killed as number ${figures.kills}`;
  for (const { calls, since } of callers) {
    const [call] = calls;
    if (call !== undefined) {
      operations.push({
        call,
        answer: { code: 'LOST' },
        invoked: since,
        answered: stage.elapsed(),
        client,
      });
    }
  }
}
