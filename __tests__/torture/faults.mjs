// The catalogue of faults, and which of them a request meets: decided by the seed and the number
// of the request alone.

import { serviceHeaders } from '../harness/service-headers.cjs';
import { chance, Random } from './random.mjs';

/**
 * What the proxy does with a request:
 * - `before`, `after`: milliseconds to wait before DynamoDB Local hears of it, and after it has
 *   answered;
 * - `copies`: how often DynamoDB Local gets it, all at once;
 * - `heard`: of which copy the caller gets the answer, the best one or either;
 * - `isHeld`: the request is kept, and so are its repetitions, until it does the most harm;
 * - `reply`: what the caller gets.
 *
 * @typedef {object} Fate
 * @property {string} name
 * @property {number} before
 * @property {number} after
 * @property {number} copies
 * @property {'best' | 'either'} heard
 * @property {boolean} isHeld
 * @property {'answer' | 'half' | 'reset' | 'silence' | Reply} reply
 *
 * @typedef {{ status: number, headers: Record<string, string | number>, body: string }} Reply
 */

/** @typedef {(random: Random, request: PassingRequest, limits: Limits) => Partial<Fate>} Fault */

/** @typedef {{ operation: string, actions: number }} PassingRequest */

/**
 * `attemptTimeout`: when callers give an attempt up, in milliseconds. `only`: the one fault there is.
 *
 * @typedef {{ attemptTimeout: number, only: string | undefined }} Limits
 */

/**
 * An error as DynamoDB answers it.
 *
 * @param {string} code
 * @param {number} [status]
 * @param {object} [fields]
 * @returns {Reply}
 */
export function serviceError(code, status = 400, fields = {}) {
  const body = {
    __type: `com.amazonaws.dynamodb.v20120810#${code}`,
    message: 'a fault',
    ...fields,
  };
  return serviceReply(status, JSON.stringify(body));
}

/**
 * @param {number} status
 * @param {string} body
 * @returns {Reply}
 */
function serviceReply(status, body) {
  return { status, headers: serviceHeaders(body), body };
}

/**
 * A cancelled transaction: one of its actions has this reason, the others none.
 *
 * @param {string} code
 * @returns {Fault}
 */
function cancelled(code) {
  return (random, { actions }) => {
    const culprit = random.whole(0, actions - 1);
    const reasons = Array.from({ length: actions }, (_, index) =>
      index === culprit ? { Code: code, Message: 'a fault' } : { Code: 'None' },
    );
    const fields = { Message: 'a fault', CancellationReasons: reasons };
    return { copies: 0, reply: serviceError('TransactionCanceledException', 400, fields) };
  };
}

/**
 * DynamoDB refuses before it does anything.
 *
 * @param {string} code
 * @returns {Fault}
 */
function refused(code) {
  return () => ({ copies: 0, reply: serviceError(code) });
}

/**
 * Something answers in DynamoDB's place, whether or not the request took effect.
 *
 * @param {Reply} reply
 * @returns {Fault}
 */
function masked(reply) {
  return (random) => ({ copies: random.whole(0, 1), reply });
}

/**
 * An answer of somebody who is not DynamoDB.
 *
 * @param {number} status
 * @param {string} body
 * @param {Record<string, string>} [headers]
 * @returns {Fault}
 */
function foreign(status, body, headers = {}) {
  return masked({ status, headers, body });
}

/** Faults that any request can meet. @type {Record<string, Fault>} */
const ANY = {
  'request lost': () => ({ copies: 0, reply: 'silence' }),
  'request reset': () => ({ copies: 0, reply: 'reset' }),
  'answer lost': () => ({ reply: 'silence' }),
  'answer reset': () => ({ reply: 'reset' }),
  'answer cut': () => ({ reply: 'half' }),
  'request delayed': (random) => ({ before: random.whole(1, 200) }),
  'answer delayed': (random) => ({ after: random.whole(1, 200) }),
  // The caller has given this attempt up long before it takes effect.
  'request late': (random, _request, { attemptTimeout }) => ({
    before: attemptTimeout + random.whole(1, 2 * attemptTimeout),
  }),
  'sent twice': () => ({ copies: 2 }),
  // One copy may be refused and the other one take effect a moment later.
  'sent twice, either answer': () => ({ copies: 2, heard: 'either' }),
  ProvisionedThroughputExceededException: refused('ProvisionedThroughputExceededException'),
  ThrottlingException: refused('ThrottlingException'),
  RequestLimitExceeded: refused('RequestLimitExceeded'),
  InternalServerError: masked(serviceError('InternalServerError', 500)),
  ServiceUnavailable: masked(serviceError('ServiceUnavailable', 503)),
  'garbage with 200': masked(serviceReply(200, '{"Ite')),
  'HTML with 502': foreign(502, '<html><body><h1>502 Bad Gateway</h1></body></html>', {
    'content-type': 'text/html',
  }),
  'empty answer with 200': foreign(200, ''),
  'no content with 204': foreign(204, ''),
  'a bare {} with 200': foreign(200, '{}'),
  'a bare {} as JSON with 200': foreign(200, '{}', {
    'content-type': 'application/x-amz-json-1.0',
  }),
  'HTML with 200': foreign(200, '<html><body>Please log in.</body></html>', {
    'content-type': 'text/html',
  }),
  'a health check with 200': foreign(200, '{"status":"ok"}', {
    'content-type': 'application/json',
  }),
};

/** Faults of transactions only. @type {Record<string, Fault>} */
const TRANSACTION = {
  // Its caller hears nothing until its deadline. The proxy closes the connection, or does not.
  'request held': (random) => ({ isHeld: true, reply: random.pick(['silence', 'reset']) }),
  TransactionConflict: cancelled('TransactionConflict'),
  ThrottlingError: cancelled('ThrottlingError'),
  ProvisionedThroughputExceeded: cancelled('ProvisionedThroughputExceeded'),
  // What it says is true: a copy with the same token is being carried out, or was by an attempt
  // before.
  TransactionInProgressException: (random, _request, { attemptTimeout }) => ({
    before: random.whole(0, attemptTimeout),
    copies: 1,
    reply: serviceError('TransactionInProgressException'),
  }),
};

/**
 * What is hardest to get right is met more often. A first attempt that is doubled on its way and
 * whose first copy is refused is met on demand only (`--only`): no client can know of the second
 * one, and TCP and TLS double nothing (see docs/reliability.md).
 *
 * @type {Record<string, number>}
 */
const WEIGHTS = { 'request late': 4, 'request held': 2, 'sent twice, either answer': 0 };

/** @type {Fate} */
export const UNHARMED = {
  name: 'none',
  before: 0,
  after: 0,
  copies: 1,
  heard: 'best',
  isHeld: false,
  reply: 'answer',
};

/** The names of all. */
export const FAULTS = [...Object.keys(ANY), ...Object.keys(TRANSACTION)];

/**
 * What becomes of the request with this number.
 *
 * @param {number | string} seed
 * @param {number} number
 * @param {PassingRequest} request
 * @param {number} share of the requests that meet a fault
 * @param {Limits} limits
 * @returns {Fate}
 */
export function fateOf(seed, number, request, share, limits) {
  if (chance(seed, 'fault', number) >= share) {
    return UNHARMED;
  }
  const catalogue =
    request.operation === 'TransactWriteItems' ? { ...ANY, ...TRANSACTION } : { ...ANY };
  const random = new Random(seed, 'fate', number);
  const names = Object.keys(catalogue).flatMap((name) =>
    Array.from({ length: WEIGHTS[name] ?? 1 }, () => name),
  );
  const name = limits.only ?? random.pick(names);
  const fault = catalogue[name];
  if (fault === undefined) {
    return UNHARMED;
  }
  return { ...UNHARMED, name, ...fault(random, request, limits) };
}
