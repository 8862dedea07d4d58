// npm run boundary: any value may arrive from JavaScript; what comes back is orderly. Always a
// promise, never an exception thrown at the caller, every rejection a BalanceError with one of the
// documented codes, and never INTERNAL_ERROR.
//
//   --runs N      how many inputs (default: 1,000,000)
//   --seed S      what they follow from (default: random); printed
//   --property P  only this one, with its share of the inputs
//
// Nothing leaves this process: calls that are sound reach a server in it, which refuses them.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { isPromise } from 'node:util/types';

import * as fc from 'fast-check';

import { serviceHeaders } from '../harness/service-headers.cjs';
import { mostly, number, objectOf, recipeOf, text, usually, value } from './values.mjs';

const REFUSAL = '{"__type":"com.amazon.coral.service#AccessDeniedException"}';
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(400, serviceHeaders(REFUSAL));
  response.end(REFUSAL);
}).listen(0, '127.0.0.1');
server.unref();
await once(server, 'listening');
const address = /** @type {import('node:net').AddressInfo} */ (server.address());

// Nothing else may tell a client where to go, whatever its options are.
for (const name of Object.keys(process.env).filter((name) => name.startsWith('AWS_'))) {
  delete process.env[name];
}
Object.assign(process.env, {
  AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${address.port}`,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
});

/** @type {typeof import('../../index.js')} */
const { BalanceClient, BalanceError, getCurrentBalance, transact } = createRequire(import.meta.url)(
  '../..',
);

/** @typedef {import('./values.mjs').Recipe} Recipe */
/** @typedef {import('./values.mjs').Recipes} Recipes */

const CODES = documentedCodes();

/** How many inputs are under way at once. */
const LANES = 64;

/** A credentials function need not ever return. */
const PATIENCE = { callTimeout: 1000 };

const client = new BalanceClient();

const sound = {
  idempotentKey: 'key',
  userId: 'user',
  amount: 1,
  type: /** @type {const} */ ('credit'),
};

/** Inputs, and the fields that they have if they are sound. */
const input = fc.oneof(
  value,
  objectOf({
    idempotentKey: usually(text),
    userId: usually(text),
    amount: usually(number),
    type: usually(fc.constantFrom('credit', 'debit')),
  }),
);

/** A date of this realm, or something like one. */
const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  number.map((time) => ({ getTime: () => time })),
);

const listing = fc.oneof(
  { weight: 1, arbitrary: value },
  {
    weight: 4,
    arbitrary: objectOf(
      {
        userId: usually(text),
        from: mostly(date, number),
        to: mostly(date, number),
        order: mostly(fc.constantFrom('newest', 'oldest'), text),
        limit: mostly(fc.integer({ min: 1, max: 1000 }), number),
        cursor: usually(fc.oneof(text, fc.stringMatching(/^A[A-Za-z0-9_-]{0,100}$/))),
      },
      { required: ['userId'] },
    ),
  },
);

const listener = fc.constantFrom(
  recipeOf(() => () => undefined),
  recipeOf(() => (/** @type {unknown} */ _event, /** @type {() => void} */ listen) => listen()),
  recipeOf(() => () => {
    throw new Error('for this test');
  }),
  recipeOf(() => () => Promise.resolve()),
);

/** Signals: real ones, things that look like one, and anything. @type {Recipes} */
const signal = fc.oneof(
  value,
  objectOf({
    aborted: usually(fc.boolean()),
    reason: value,
    addEventListener: fc.oneof({ weight: 4, arbitrary: listener }, value),
    removeEventListener: fc.oneof({ weight: 4, arbitrary: listener }, value),
  }),
  value.map((reason) => ({
    make: () => AbortSignal.abort(reason.make()),
    toString: () => `a signal aborted for ${reason}`,
  })),
  fc.constantFrom(
    recipeOf(() => AbortSignal.timeout(1)),
    recipeOf(() => new AbortController().signal),
    recipeOf(() => new EventTarget()),
    recipeOf(() => Object.create(AbortSignal.prototype)),
    recipeOf(() => new Proxy(AbortSignal.abort(), {})),
  ),
);

const credentialsFields = {
  accessKeyId: usually(text),
  secretAccessKey: usually(text),
  sessionToken: usually(text),
  expiration: usually(
    fc.oneof(
      fc.date({ noInvalidDate: false }),
      number,
      number.map((time) => ({ getTime: () => time })),
      // Around the last second that Rust's SystemTime holds.
      fc.double({ min: 9.2e21, max: 9.3e21 }).map((time) => ({ getTime: () => time })),
    ),
  ),
};

const credentials = fc.oneof(
  value,
  objectOf(credentialsFields),
  objectOf(credentialsFields, { required: ['accessKeyId', 'secretAccessKey'] }),
);

const name = fc.stringMatching(/^[a-zA-Z0-9-]{1,40}$/);
const milliseconds = fc.double({ min: 0.5, max: 1000, noNaN: true });

const optionFields = {
  region: mostly(name, text),
  profile: mostly(name, text),
  balancesTable: mostly(name, text),
  transactionsTable: mostly(name, text),
  defaultBalance: mostly(fc.double({ min: 0, max: 1e30, noNaN: true }), number),
  consistentRead: mostly(fc.boolean(), text),
  connectTimeout: mostly(milliseconds, number),
  attemptTimeout: mostly(milliseconds, number),
  callTimeout: mostly(milliseconds, milliseconds),
};

/**
 * What is promised, for each way in: where inputs come from, what becomes of one, and how many of
 * all inputs it gets. A new client takes longer than a call, so that those get fewer.
 *
 * @type {Record<string, { share: number, inputs: Recipes,
 *   outcome: (input: Recipe) => Promise<string> }>}
 */
const properties = {
  'transact takes any input': {
    share: 0.2,
    inputs: input,
    outcome: (input) => outcomeOf(() => transact(any(input))),
  },
  'getCurrentBalance takes any input': {
    share: 0.15,
    inputs: input,
    outcome: (input) => outcomeOf(() => getCurrentBalance(any(input))),
  },
  'transact of a client takes any input': {
    share: 0.15,
    inputs: input,
    outcome: (input) => outcomeOf(() => client.transact(any(input))),
  },
  'getCurrentBalance of a client takes any input': {
    share: 0.1,
    inputs: input,
    outcome: (input) => outcomeOf(() => client.getCurrentBalance(any(input))),
  },
  'listTransactions takes any input': {
    share: 0.05,
    inputs: listing,
    outcome: (input) => outcomeOf(() => client.listTransactions(any(input))),
  },
  'iterateTransactions takes any input': {
    share: 0.04,
    inputs: listing,
    outcome: (input) => outcomeOf(() => client.iterateTransactions(any(input)).next()),
  },
  'createTables takes any options': {
    share: 0.01,
    inputs: fc.oneof(value, objectOf({ history: usually(fc.boolean()) })),
    outcome: (input) => outcomeOf(() => client.createTables(any(input))),
  },
  'a call takes any options': {
    share: 0.05,
    inputs: fc.oneof(value, objectOf({ signal: value })),
    outcome: (input) => outcomeOf(() => client.transact(sound, any(input))),
  },
  'transact takes any signal': {
    share: 0.05,
    inputs: signal,
    outcome: (input) => outcomeOf(() => client.transact(sound, { signal: any(input) })),
  },
  'getCurrentBalance takes any signal': {
    share: 0.05,
    inputs: signal,
    outcome: (input) => outcomeOf(() => client.getCurrentBalance(sound, { signal: any(input) })),
  },
  'the constructor takes any options': {
    share: 0.13,
    inputs: fc.oneof(
      value,
      objectOf({ ...optionFields, endpoint: usually(text) }),
      objectOf({ credentials }),
    ),
    outcome: async (input) => {
      const options = any(input);
      return whatIsMade(() => new BalanceClient(options)) ?? 'an instance';
    },
  },
  'a client with odd options takes calls': {
    share: 0.005,
    inputs: objectOf(optionFields),
    outcome: (input) => {
      const options = any(input);
      return callOnNew(() => options);
    },
  },
  'a client takes any credentials': {
    share: 0.0075,
    inputs: credentials,
    outcome: (input) => callOnNew(() => ({ ...PATIENCE, credentials: any(input) })),
  },
  'a credentials function may return or throw anything': {
    share: 0.0075,
    inputs: fc.oneof(
      credentials.map((result) => ({ ...result, make: () => result.make })),
      credentials.map((result) => ({ ...result, make: () => async () => result.make() })),
      credentials.map((result) => ({
        make: () => () => {
          throw result.make();
        },
        toString: () => `throws ${result}`,
      })),
    ),
    outcome: (input) => callOnNew(() => ({ ...PATIENCE, credentials: any(input) })),
  },
};

const { values: settings } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    property: { type: 'string' },
  },
});
const seed = Number(settings.seed);
const runs = Number(settings.runs);
assert(Number.isInteger(seed) && runs > 0, 'runs must be more than 0, seed a whole number');
const chosen = Object.entries(properties).filter(
  ([name]) => settings.property === undefined || name === settings.property,
);
assert(chosen.length > 0, `the properties are: ${Object.keys(properties).join(', ')}`);

process.stdout.write(`seed ${seed}\n`);
for (const [name, { share, inputs, outcome }] of chosen) {
  await check(name, inputs, outcome, Math.ceil(runs * share));
}
server.closeAllConnections();

/**
 * Several lanes, each with a seed of its own: most calls wait for something now and then.
 *
 * @param {string} name
 * @param {Recipes} inputs
 * @param {(input: Recipe) => Promise<string>} outcome
 * @param {number} count
 */
async function check(name, inputs, outcome, count) {
  const started = performance.now();
  /** @type {Record<string, number>} */
  const outcomes = {};
  const property = fc.asyncProperty(inputs, async (input) => {
    const what = await outcome(input);
    outcomes[what] = (outcomes[what] ?? 0) + 1;
  });
  const reports = await Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      fc.check(property, { seed: (seed + lane) | 0, numRuns: Math.ceil(count / LANES) }),
    ),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `${name}: ${LANES * Math.ceil(count / LANES)} inputs, ${seconds} s\n` +
      `  ${JSON.stringify(outcomes)}\n`,
  );
  const failed = reports.find((report) => report.failed);
  if (failed !== undefined) {
    process.stdout.write(
      `  FAILED with ${failed.counterexample?.[0]}\n` +
        `  (seed ${failed.seed}, path ${failed.counterexamplePath})\n  ${describe(failed.errorInstance)}\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * What a call comes to: its error's code, or `fulfilled`.
 *
 * @param {() => Promise<unknown>} call
 * @returns {Promise<string>}
 */
async function outcomeOf(call) {
  /** @type {Promise<unknown> | undefined} */
  let promise;
  try {
    promise = call();
  } catch (error) {
    assert.fail(`thrown at the caller: ${describe(error)}`);
  }
  assert(isPromise(promise), 'a promise');
  try {
    await promise;
  } catch (error) {
    return documented(error);
  }
  return 'fulfilled';
}

/**
 * The code of what making a client throws, if it does.
 *
 * @param {() => unknown} make
 */
function whatIsMade(make) {
  try {
    assert(make() instanceof BalanceClient);
    return undefined;
  } catch (error) {
    return documented(error);
  }
}

/**
 * What a call on a new client comes to.
 *
 * @param {() => import('../../index.js').BalanceClientOptions} options
 */
async function callOnNew(options) {
  /** @type {import('../../index.js').BalanceClient | undefined} */
  let made;
  const refused = whatIsMade(() => {
    made = new BalanceClient(options());
    return made;
  });
  return refused ?? (await outcomeOf(async () => made?.transact(sound)));
}

/** @param {unknown} error */
function documented(error) {
  assert(error instanceof BalanceError, `not a BalanceError: ${describe(error)}`);
  assert(CODES.has(error.code), `not a documented code: ${error.code}`);
  assert.notEqual(error.code, 'INTERNAL_ERROR', error.message);
  assert(typeof error.message === 'string' && error.message !== '', 'a message');
  assert.equal(typeof error.retryable, 'boolean');
  return error.code;
}

/**
 * @param {Recipe} recipe
 * @returns {any}
 */
function any({ make }) {
  return make();
}

/** @param {unknown} error */
function describe(error) {
  try {
    return error instanceof Error ? (error.stack ?? String(error)) : fc.stringify(error);
  } catch {
    return 'something that cannot be printed';
  }
}

/** The codes that index.d.ts promises. @returns {Set<string>} */
function documentedCodes() {
  const declarations = readFileSync(new URL('../../index.d.ts', import.meta.url), 'utf8');
  const [union = ''] = /type BalanceErrorCode =.*?';/s.exec(declarations) ?? [];
  return new Set(Array.from(union.matchAll(/'(\w+)'/g), ([, code = '']) => code));
}
