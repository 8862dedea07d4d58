// What a history is made of, and what an answer says about the books.

/**
 * When a hold expires: long ago, at some time during the run, or not at all.
 *
 * @typedef {'past' | 'soon' | 'never'} Expiry
 */

/**
 * One movement of money. Amounts are in cents. With `expires` it is a hold.
 *
 * @typedef {{ user: string, key: string, cents: number, type: 'credit' | 'debit',
 *   expires?: Expiry }} Move
 */

/**
 * What a caller asks for: a balance, what is recorded under a key, movements, all or none, or the end of a
 * hold: all of it or so many `cents` are captured, or it is released. `users`: whose it may be.
 *
 * @typedef {{ kind: 'read', by: 'getCurrentBalance' | 'getBalance', user: string }} ReadCall
 * @typedef {{ kind: 'lookup', key: string }} LookupCall
 * @typedef {{ kind: 'write', by: 'transact' | 'createTransaction' | 'createTransactions'
 *   | 'createHold', moves: Move[] }} WriteCall
 * @typedef {{ kind: 'close', by: 'captureHold' | 'releaseHold', key: string, hold: string,
 *   cents?: number, users: string[] }} CloseCall
 * @typedef {ReadCall | LookupCall | WriteCall | CloseCall} Call
 */

/**
 * What a caller heard: `READ` with a balance and perhaps what is held, `FOUND` with a record or none,
 * `CONFIRMED`, `REPLAYED`, or the code of an error with what it tells beyond that. `LOST` is for calls whose
 * process was killed before it could tell, `SWEPT` for those that a sweeper made, which tells how many holds
 * it has released and not which.
 *
 * @typedef {{ code: string, balance?: string, held?: string, record?: Told, available?: string,
 *   index?: number, message?: string }} Answer
 */

/**
 * What became of a hold: `captured` in cents, `closedBy` the key of the call that closed it.
 *
 * @typedef {{ state: string, captured?: number | undefined, closedBy?: string | undefined }} Hold
 */

/**
 * A record as it is told. `returned`: the hold of which it gives something back.
 *
 * @typedef {{ user: string, cents: number | undefined, type: string, hold?: Hold,
 *   returned?: string }} Told
 */

/**
 * What is recorded under a key. `cents` is `undefined` if the amount is not a whole number of cents;
 * `group` tells what was recorded together, and in which order; `expires` when a hold does.
 *
 * @typedef {Told & { group: { id: string, index: number, size: number }, expires?: Expiry }} Recorded
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
const UNKNOWN = new Set(['OUTCOME_UNKNOWN', 'LOST', 'SWEPT']);

/** Answers that say something about the books at an instant between call and answer. */
const DEFINITE = new Set([
  'CONFIRMED',
  'DUPLICATE_TRANSACTION',
  'FOUND',
  'HOLD_CAPTURED',
  'HOLD_EXCEEDED',
  'HOLD_EXPIRED',
  'HOLD_NOT_FOUND',
  'HOLD_RELEASED',
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
  switch (call.kind) {
    case 'lookup':
      return [call.key];
    case 'close':
      return [call.key, call.hold];
    default:
      return movesOf(call).map(({ key }) => key);
  }
}

/** @param {Call} call */
export function usersOfCall(call) {
  switch (call.kind) {
    case 'read':
      return [call.user];
    case 'close':
      return call.users;
    default:
      return movesOf(call).map(({ user }) => user);
  }
}

/**
 * Whether two movements, or a movement and a record, are the same request.
 *
 * @param {Omit<Move, 'key'> | Told} left
 * @param {Omit<Move, 'key'> | Told} right
 */
export function isSameRequest(left, right) {
  return (
    left.user === right.user &&
    left.cents === right.cents &&
    left.type === right.type &&
    isHold(left) === isHold(right) &&
    returnedBy(left) === returnedBy(right)
  );
}

/** @param {Omit<Move, 'key'> | Told} it */
function isHold(it) {
  return ('expires' in it && it.expires !== undefined) || ('hold' in it && it.hold !== undefined);
}

/** @param {Omit<Move, 'key'> | Told} it */
function returnedBy(it) {
  return 'returned' in it ? it.returned : undefined;
}

/**
 * How a call leaves the hold that it closes.
 *
 * @param {CloseCall} call
 * @param {number | undefined} cents what the hold has
 * @returns {Hold}
 */
export function closingOf({ by, key, cents: part }, cents) {
  return by === 'releaseHold'
    ? { state: 'released', closedBy: key }
    : { state: 'captured', captured: part ?? cents, closedBy: key };
}

/**
 * @param {Hold | undefined} left
 * @param {Hold | undefined} right
 */
export function isSameHold(left, right) {
  return (
    left?.state === right?.state &&
    left?.captured === right?.captured &&
    left?.closedBy === right?.closedBy
  );
}

/**
 * Whether a hold is closed as a call wants it, under the key of the call.
 *
 * @param {CloseCall} call
 * @param {Recorded | undefined} record the hold's
 */
export function isClosedBy(call, record) {
  return record?.hold !== undefined && isSameHold(record.hold, closingOf(call, record.cents));
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

/**
 * Whether a call can be what wrote the records that are there.
 *
 * @param {Call} call
 * @param {(key: string) => Recorded | undefined} recordOf
 */
export function hasTakenEffect(call, recordOf) {
  switch (call.kind) {
    case 'close':
      return isClosedBy(call, recordOf(call.hold));
    case 'write': {
      const { length } = call.moves;
      const records = call.moves.map(({ key }) => recordOf(key));
      return (
        isReplay(call.moves, records) && records.every((record) => record?.group.size === length)
      );
    }
    default:
      return false;
  }
}

/** @param {Operation} operation */
export function describe({ call, answer, invoked, answered }) {
  const milliseconds = (/** @type {number} */ time) => (time / 1e6).toFixed(3);
  const record = answer.record && tell({ ...answer.record, key: 'it' });
  const heard = answer.balance ?? record ?? answer.available ?? answer.message ?? '';
  return `[${milliseconds(invoked)} to ${milliseconds(answered)} ms] ${askedOf(call)}: ${answer.code} ${heard}`.trimEnd();
}

/** @param {(Move | Told) & { key: string }} move */
function tell({ type, user, cents = Number.NaN, key, ...more }) {
  const kind = 'expires' in more ? `hold (expires: ${more.expires})` : type;
  const hold = 'hold' in more ? ` ${JSON.stringify(more.hold)}` : '';
  return `${kind} ${user} ${(cents / 100).toFixed(2)} with ${key}${hold}`;
}

/** @param {Call} call */
function askedOf(call) {
  switch (call.kind) {
    case 'read':
      return `read ${call.user}`;
    case 'lookup':
      return `look up ${call.key}`;
    case 'write':
      return call.moves.map(tell).join(', ');
    case 'close': {
      const part = call.cents === undefined ? '' : `${(call.cents / 100).toFixed(2)} of `;
      return `${call.by} ${part}${call.hold} with ${call.key}`;
    }
  }
}
