// What a history is made of, and what an answer says about the books.

/**
 * What a caller asks for. Amounts are in cents.
 *
 * @typedef {{ kind: 'read', user: string }} ReadCall
 * @typedef {{ kind: 'transact', user: string, key: string, cents: number,
 *   type: 'credit' | 'debit' }} TransactCall
 * @typedef {ReadCall | TransactCall} Call
 */

/**
 * What a caller heard: `READ` with a balance, `CONFIRMED`, or the code of an error. `LOST` is for
 * calls whose process was killed before it could tell.
 *
 * @typedef {{ code: string, balance?: string, message?: string }} Answer
 */

/**
 * A call and its answer, with the nanoseconds since the start of the run at which the call was
 * made and answered, and the client that made it: what is promised within one client is more than
 * what is promised across several.
 *
 * @typedef {{ call: Call, answer: Answer, invoked: number, answered: number,
 *   client: string }} Operation
 */

/** Answers after which no money can have moved, now or later. */
const NOTHING_HAPPENED = new Set(['NOTHING_HAPPENED', 'TOO_MANY_CALLS']);

/** Answers after which money may have moved or may still move. */
const UNKNOWN = new Set(['OUTCOME_UNKNOWN', 'LOST']);

/** Answers that say something about the books at an instant between call and answer. */
const DEFINITE = new Set([
  'CONFIRMED',
  'DUPLICATE_TRANSACTION',
  'IDEMPOTENT_KEY_REUSED',
  'INSUFFICIENT_BALANCE',
  'READ',
]);

/**
 * @param {Answer} answer
 * @returns {'nothing' | 'unknown' | 'definite' | 'absurd'} absurd: no call of this test can
 *   truthfully be answered that way
 */
export function meaning({ code }) {
  if (DEFINITE.has(code)) {
    return 'definite';
  }
  if (UNKNOWN.has(code)) {
    return 'unknown';
  }
  return NOTHING_HAPPENED.has(code) ? 'nothing' : 'absurd';
}

/**
 * Whether two calls make the same request.
 *
 * @param {Pick<TransactCall, 'user' | 'cents' | 'type'>} left
 * @param {Pick<TransactCall, 'user' | 'cents' | 'type'>} right
 */
export function isSameRequest(left, right) {
  return left.user === right.user && left.cents === right.cents && left.type === right.type;
}

/** @param {Operation} operation */
export function describe({ call, answer, invoked, answered }) {
  const milliseconds = (/** @type {number} */ time) => (time / 1e6).toFixed(3);
  const asked =
    call.kind === 'read'
      ? `read ${call.user}`
      : `${call.type} ${call.user} ${(call.cents / 100).toFixed(2)} with ${call.key}`;
  const heard = answer.balance ?? answer.message ?? '';
  return `[${milliseconds(invoked)} to ${milliseconds(answered)} ms] ${asked}: ${answer.code} ${heard}`.trimEnd();
}
