// The report in Markdown. Every number in it comes from the results of one run.

import {
  CALLERS,
  CROWD,
  DURATION,
  FLEET_TIMES,
  LATENCY,
  LONG_WARM_UP,
  MANY_CALLERS,
  SPREAD,
  WAITING,
  WARM_UP,
} from '../measure/grid.mjs';
import { fleet } from './fleet.mjs';
import { judge } from './goals.mjs';
import { loads, tableOf } from './loads.mjs';
import {
  image,
  megabytes,
  spell,
  spellCallers,
  spellLatency,
  spellNumber,
  table,
} from './markdown.mjs';
import { names } from './names.mjs';
import { otherLatencies } from './other-latencies.mjs';
import { promises } from './promises.mjs';
import { find, findStart, findWaiting } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */

/**
 * @param {Results} results
 * @returns {string}
 */
export function writeReport(results) {
  return [
    introduction(results),
    startUp(results),
    cpu(results),
    hotAccount(results),
    fleet(results),
    latency(results),
    otherLatencies(results),
    throughput(results),
    capacity(results),
    promises(results),
    memory(results),
    sizes(results),
    dynamoDbLocal(results),
    method(results),
  ].join('\n\n');
}

/** @param {Results} results */
function introduction({ date, rounds, minutes, machine }) {
  return `# Benchmarks

\`npm run bench\` generates this page: it builds everything and runs all measurements. All numbers on this page
are medians of one run of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. The raw results are in
[benchmarks/results.json](benchmarks/results.json).

${table(
  ['machine', ''],
  [
    ['processor', `${machine.processor}, ${machine.cores} cores`],
    ['memory', `${machine.memoryGiB} GiB`],
    ['system', machine.system],
    ['Node', machine.node],
    ['Rust', machine.rust],
    ['AWS SDK for JavaScript', machine.sdk],
    ['load before the run', `${machine.loadBefore} processes`],
    ['date', `${date.slice(0, 10)}, ${spellNumber(minutes)} minutes of measurements`],
  ],
)}

The programs under test and the servers share the cores. Compare the programs on this page with each other:
another machine gives other numbers.

- **${names.package}**: dynamodb-balance as it is installed.
- **${names.sdk}**: a careful implementation of the same two functions on the AWS SDK for JavaScript: one
  transaction per call, tokens, retries with full jitter, and enough keep-alive connections.
  **${names.bundle}** is the same code as one minified file, made by esbuild.
- **${names.threeRoundTrips}**: the old algorithm on the same SDK. It reads the record, reads the balance and
  writes both. It loses money when two calls run at the same time, and is listed only to compare costs.
- **${names.floor}**: a single-threaded Rust program that sends one hand-signed request per call with hyper,
  of the same content as this package's for a single call.
- **${names.nothing}**: the benchmark driver without any calls to a server.

Two servers take the place of DynamoDB. The **stand-in** answers immediately. The **model** has DynamoDB's latency,
conflicts and throttling ([details](#how-it-is-measured)).`;
}

/**
 * The goals, for whoever works on this package.
 *
 * @param {Results} results
 * @returns {string}
 */
export function writeGoals(results) {
  const rows = judge(results).map(({ title, goal, reached, spell, isMet }) => [
    title,
    goal,
    reached === undefined ? 'not measured' : spell(reached),
    reached !== undefined && isMet(reached) ? 'met' : '**not met**',
  ]);
  return `# Goals

What this package aims for, and what the run behind [benchmarks.md](../benchmarks.md) reached. A ratio compares
medians of that run.

${table(['what', 'goal', 'reached', ''], rows)}
`;
}

/** @param {Results} results */
function startUp(results) {
  const rows = /** @type {const} */ (['package', 'bundle', 'sdk']).map((peer) => [
    names[peer],
    ...['require', 'firstBalance'].flatMap((time) =>
      ['http', 'https'].map((protocol) =>
        spellNumber(
          findStart(results, /** @type {any} */ (time), /** @type {any} */ ({ peer, protocol })),
        ),
      ),
    ),
  ]);
  const header = [
    'milliseconds',
    '`require`, HTTP',
    '`require`, HTTPS',
    'first balance, HTTP',
    'first balance, HTTPS',
  ];
  return `## Start-up

The time from \`require\` to the first balance, each time in a fresh process (${startsOf(results)} processes for each
program and protocol). The start-up time of Node itself is not included.

${table(header, rows)}

${image('start-up', 'Bars: milliseconds from require to the first balance, by peer, over HTTP and HTTPS')}`;
}

/** @param {Results} results */
function startsOf({ startUp }) {
  return startUp.filter(({ peer, protocol }) => peer === 'package' && protocol === 'http').length;
}

/** @param {Results} results */
function cpu(results) {
  return `## CPU per call

User and system time of the whole process, including the benchmark driver, in microseconds per call. The
server answers immediately.

${loads(results, 'cpuPerCall', ['stand-in', 'stand-in over HTTPS'])}

${image('cpu', 'Lines: CPU time per call by number of callers, a line for each peer')}`;
}

/** @param {Results} results */
function hotAccount(results) {
  const query = /** @type {const} */ ({ server: 'model', operation: 'transact', users: 'hot' });
  const rows = [...CALLERS.map((callers) => [callers, 1]), [64, 4], [CROWD, 1]].map(
    ([callers = 0, processes = 1]) => [
      processes === 1 ? spellCallers(callers) : `${callers} in each of ${processes} processes`,
      ...['package', 'sdk', 'threeRoundTrips'].map((peer) =>
        spell(
          find(results, 'perSecond', {
            ...query,
            callers,
            processes,
            peer: /** @type {any} */ (peer),
          }),
        ),
      ),
    ],
  );
  return `## One hot account

All callers move money on one account of the model of DynamoDB. In the model, every request takes ${LATENCY} ms,
and concurrent transactions on the same item cancel each other. Committed transactions per second:

${table(['callers', names.package, names.sdk, names.threeRoundTrips], rows)}

${lost(results)}${withHistory(results)}

${image('hot-account', 'Lines: transactions committed per second by number of callers, a line for each peer')}`;
}

/**
 * What the index for the history makes of it.
 *
 * @param {Results} results
 */
function withHistory(results) {
  const query = /** @type {const} */ ({
    server: 'model with history',
    operation: 'transact',
    users: 'hot',
    callers: 64,
    peer: 'package',
  });
  const perSecond = find(results, 'perSecond', query);
  const units = find(results, 'writeUnits', query);
  if (perSecond === undefined || units === undefined) {
    return '';
  }
  return `

With the [index for the history](history.md), ${names.package} commits ${spell(perSecond)} transactions per second with
64 callers, at ${spell(units)} WCU each. The limit is the index, which accepts at most 1,000 WCU per second for the records of one
account.`;
}

/**
 * What the audit of the model found about those who may lose money.
 *
 * @param {Results} results
 */
function lost(results) {
  const losers = results.measurements.filter(({ peer }) => peer === 'threeRoundTrips');
  const audits = losers
    .filter(({ users }) => users === 'hot')
    .flatMap(({ audit }) => (audit === undefined ? [] : [audit]));
  const [worst] = audits.sort((a, b) => Number(b.difference) - Number(a.difference));
  if (worst === undefined) {
    return 'After each load, the model checks that every balance is the default plus the sum of its records.';
  }
  return `After each load, the model checks that every balance is exactly the default plus the sum of its records. For
${names.package} and ${names.sdk}, a difference aborts the run. With ${names.threeRoundTrips}, one balance was wrong by
${worst.difference} after ${worst.records.toLocaleString('en')} records.`;
}

/** @param {Results} results */
function latency(results) {
  return `## Latency

Milliseconds from call to answer, as \`p50 / p99\`. The model takes ${LATENCY} ms for every request. In the model with
spread, the time for each item follows a log-normal distribution with that median and a sigma of ${SPREAD}, and a
request takes as long as its slowest item.

${tableOf(results, ['model', 'model with spread'], (query) =>
  spellLatency(find(results, 'p50', query), find(results, 'p99', query)),
)}

${image('latency', 'Lines: p50 and p99 by number of callers, a line for each peer')}`;
}

/** @param {Results} results */
function throughput(results) {
  return `## Throughput

Calls per second. With the stand-in, the limit is the cores, which the program and the server share.

${loads(results, 'perSecond', ['stand-in', 'stand-in over HTTPS', 'model', 'model with spread'])}`;
}

/** @param {Results} results */
function capacity(results) {
  return `## Capacity units

What the model counted per call during the load: a write in a transaction costs 2 WCU, and a strongly
consistent read 1 RCU. The model does not charge requests that end in a conflict; DynamoDB may charge them.

${tableOf(results, ['model'], (query) => {
  const [wcu, rcu] = [find(results, 'writeUnits', query), find(results, 'readUnits', query)];
  if (query.operation === 'read') {
    return rcu === undefined ? '' : `${spell(rcu)} RCU`;
  }
  return wcu === undefined ? '' : `${spell(wcu)} WCU${rcu === 0 ? '' : `, ${spell(rcu)} RCU`}`;
})}`;
}

/** @param {Results} results */
function memory(results) {
  const bare = find(results, 'memory', { server: 'stand-in', callers: 64, peer: 'nothing' });
  return `## Memory

Resident memory of the process at the end of a load, in MB. Bare Node with the same driver takes
${bare === undefined ? '?' : megabytes(bare)} MB.

${tableOf(results, ['stand-in', 'stand-in over HTTPS'], (query) => {
  const memory = find(results, 'memory', query);
  return memory === undefined ? '' : megabytes(memory);
})}${waiting(results)}`;
}

/**
 * What a call takes while it is not answered.
 *
 * @param {Results} results
 */
function waiting(results) {
  const [read, transact] = [findWaiting(results, 'read'), findWaiting(results, 'transact')];
  if (read === undefined || transact === undefined) {
    return '';
  }
  return `

While ${spellCallers(WAITING)} calls for 10,000 users wait for a server that never answers, each call of ${names.package} takes
${spellNumber(read / 1000)} KB for \`getCurrentBalance\` and ${spellNumber(transact / 1000)} KB for \`transact\`.`;
}

/** @param {Results} results */
function sizes({ sizes: { package: ours, sdk, bundle } }) {
  return `## Installed size

${table(
  ['', 'MB'],
  [
    [`${names.package} with the addon for one platform and its dependencies`, megabytes(ours)],
    ['`@aws-sdk/client-dynamodb` and its dependencies', megabytes(sdk)],
    [`${names.bundle}, the two functions`, megabytes(bundle)],
  ],
)}`;
}

/** @param {Results} results */
function dynamoDbLocal(results) {
  return `## DynamoDB Local

DynamoDB Local is AWS's own implementation, in Java. It runs on the same cores, which are the limit here. It has
no conflicts and never throttles. Calls per second:

${loads(results, 'perSecond', ['DynamoDB Local'])}`;
}

/** @param {import('../measure/grid.mjs').WarmUp} warmUp */
function spellWarmUp({ calls, longest }) {
  return `${calls.toLocaleString('en')} calls or ${longest} s`;
}

/** @param {Results} results */
function method({ rounds }) {
  return `## How it is measured

- Each load runs in its own process. Each caller makes its next call as soon as the previous one is answered. The
  process warms up for ${spellWarmUp(WARM_UP)}, whichever comes first, and is then measured for ${DURATION} s. CPU time
  comes from \`process.cpuUsage\`.
- ${MANY_CALLERS} callers of \`transact\` for many users on a model warm up for ${spellWarmUp(LONG_WARM_UP)}: ${names.package} first has to find
  out how many requests at once bring the most answers.
- A fleet warms up for ${spellWarmUp(FLEET_TIMES.warmUp)} in each process, and is measured for ${FLEET_TIMES.duration} s. Calls that became due in this time
  and were not answered 10 s after it count with the time for which they have waited.
- A round measures all loads. For each load, it measures the programs one after another. Each of the ${rounds} ${
    rounds === 1 ? 'round' : 'rounds'
  }
  begins with another program.
- "Many" users means that each call is for another one of 10,000 users. "One" is a hot account.
- The stand-in and the model are single-threaded Rust programs. The model locks the items of a transaction from its
  arrival until its answer. A transaction that meets a locked item is cancelled with \`TransactionConflict\`. An item
  accepts 1,000 WCU and 3,000 RCU per second, and is throttled beyond that.
- The physical limit of one process is 99 records in each transaction and one transaction every ${LATENCY} ms, because
  DynamoDB accepts at most 100 actions in a transaction.
- A failed call, or a balance that is not the sum of its records, aborts the run without a report.
- \`node benches/report/draw.mjs\` generates this page again from the raw results.
- [benchmarks/goals.md](benchmarks/goals.md) compares this run with the goals of the project.
`;
}
