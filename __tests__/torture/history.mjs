// What a history is made of, and what an answer says about the books.

/**
 * One movement of money. Amounts are in cents.
 *
 * @typedef {{ user: string, key: string, cents: number, type: 'credit' | 'debit' }} Move
 */

/**
 * What a caller asks for: a balance, what is recorded under a key, or movements, all or none.
 *
 * @typedef {{ kind: 'read', by: 'getCurrentBalance' | 'getBalance', user: string }} ReadCall
 * @typedef {{ kind: 'lookup', key: string }} LookupCall
 * @typedef {{ kind: 'write', by: 'transact' | 'createTransaction' | 'createTransactions',
 *   moves: Move[] }} WriteCall
 * @typedef {ReadCall | LookupCall | WriteCall} Call
 */

/**
 * What a caller heard: `READ` with a balance, `FOUND` with a record or none, `CONFIRMED`, `REPLAYED`, or
 * the code of an error with what it tells beyond that. `LOST` is for calls whose process was killed before
 * it could tell.
 *
 * @typedef {{ code: string, balance?: string, record?: Omit<Move, 'key'>, available?: string,
 *   index?: number, message?: string }} Answer
 */

/**
 * What is recorded under a key. `cents` is `undefined` if the amount is not a whole number of cents;
 * `group` tells what was recorded together, and in which order.
 *
 * @typedef {{ user: string, cents: number | undefined, type: string,
 *   group: { id: string, index: number, size: number } }} Recorded
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
  'FOUND',
  'IDEMPOTENT_KEY_REUSED',
  'INSUFFICIENT_BALANCE',
  'READ',
  'REPLAYED',
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

/** @param {Call} call */
export function movesOf(call) {
  return call.kind === 'write' ? call.moves : [];
}

/**
 * All keys that a call is about.
 *
 * @param {Call} call
 */
export function keysOf(call) {
  return call.kind === 'lookup' ? [call.key] : movesOf(call).map(({ key }) => key);
}

/** @param {Call} call */
export function usersOfCall(call) {
  return call.kind === 'read' ? [call.user] : movesOf(call).map(({ user }) => user);
}

/**
 * Whether two movements, or a movement and a record, are the same request.
 *
 * @param {Pick<Recorded, 'user' | 'cents' | 'type'>} left
 * @param {Pick<Recorded, 'user' | 'cents' | 'type'>} right
 */
export function isSameRequest(left, right) {
  return left.user === right.user && left.cents === right.cents && left.type === right.type;
}

/**
 * Whether what is recorded under the keys of some movements was recorded by the same request.
 *
 * @param {Move[]} moves
 * @param {(Recorded | undefined)[]} records
 */
export function isReplay(moves, records) {
  return moves.every((move, index) => {
    const record = records[index];
    const { group } = records[0] ?? {};
    return (
      record !== undefined &&
      isSameRequest(move, record) &&
      // A lone one may have been recorded as part of a group.
      (moves.length === 1 ||
        (record.group.id === group?.id &&
          record.group.index === index &&
          record.group.size === moves.length))
    );
  });
}

/** @param {Operation} operation */
export function describe({ call, answer, invoked, answered }) {
  const milliseconds = (/** @type {number} */ time) => (time / 1e6).toFixed(3);
  const asked = call.kind === 'write' ? call.moves.map(tell).join(', ') : askedOf(call);
  const record = answer.record && tell({ ...answer.record, key: 'it' });
  const heard = answer.balance ?? record ?? answer.available ?? answer.message ?? '';
  return `[${milliseconds(invoked)} to ${milliseconds(answered)} ms] ${asked}: ${answer.code} ${heard}`.trimEnd();
}

/** @param {Move} move */
function tell({ type, user, cents, key }) {
  return `${type} ${user} ${(cents / 100).toFixed(2)} with ${key}`;
}

/** @param {ReadCall | LookupCall} call */
function askedOf(call) {
  return call.kind === 'read' ? `read ${call.user}` : `look up ${call.key}`;
}
