// Who checks the checker? Random small histories, true ones and slightly falsified ones, are judged
// by the checker and by trying every order there is. Both must agree.
//
//   node checker-check.mjs [--histories N] [--seed S]

import process from 'node:process';
import { parseArgs } from 'node:util';

import { checkLinearizability } from './checker.mjs';
import { isSameRequest, meaning } from './history.mjs';
import { Random } from './random.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Move} Move */
/** @typedef {import('./history.mjs').Recorded} Recorded */
/** @typedef {{ available: string, index: number }} Shortage */

/** More would take too long to try in every order. */
const MOST_CALLS = 6;

/** Ends of holds, of which some are never true. @type {import('./history.mjs').Hold[]} */
const HOLDS = [
  { state: 'open' },
  { state: 'captured', captured: 4000, closedBy: 'c' },
  { state: 'captured', captured: 3000, closedBy: 'k' },
  { state: 'released', closedBy: 'c' },
];

const END_CODES = [
  'HOLD_CAPTURED',
  'HOLD_EXCEEDED',
  'HOLD_EXPIRED',
  'HOLD_NOT_FOUND',
  'HOLD_RELEASED',
];

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
  },
});

/** The plainest ledger that keeps the contract. */
class Ledger {
  /** @type {Map<string, number>} */
  balances;
  /** @type {Map<string, Recorded>} */
  records = new Map();
  /** Of the last write, all debits that were not covered: any of them may be named. @type {Shortage[]} */
  shortages = [];
  #groups = 0;

  /** @param {import('./cents.mjs').Openings} openings */
  constructor(openings) {
    this.balances = new Map(openings);
  }

  /**
   * @param {Call} call
   * @returns {import('./history.mjs').Answer}
   */
  answer(call) {
    if (call.kind === 'read') {
      const held = call.by === 'getBalance' ? { held: `${this.#held(call.user) / 100}` } : {};
      return { code: 'READ', balance: String(this.#balance(call.user) / 100), ...held };
    }
    if (call.kind === 'lookup') {
      const found = this.records.get(call.key);
      if (found === undefined) {
        return { code: 'FOUND' };
      }
      const { group: _, expires: __, ...record } = found;
      return { code: 'FOUND', record };
    }
    if (call.kind === 'close') {
      const [first] = this.closings(call);
      return { code: this.#close(call, String(first)) };
    }
    const { moves } = call;
    if (moves.some(({ key }) => this.records.has(key))) {
      const again = call.by === 'transact' ? 'DUPLICATE_TRANSACTION' : 'REPLAYED';
      return { code: this.#isRecorded(moves) ? again : 'IDEMPOTENT_KEY_REUSED' };
    }
    const before = new Map(this.balances);
    /** @type {Shortage[]} */
    const shortages = [];
    for (const [index, { user, cents, type }] of moves.entries()) {
      const left = this.#balance(user);
      if (type === 'debit' && cents > left) {
        shortages.push({ available: String(left / 100), index });
      }
      this.balances.set(user, type === 'debit' ? left - cents : left + cents);
    }
    this.shortages = shortages;
    const [first] = shortages;
    if (first !== undefined) {
      this.balances = before;
      return { code: 'INSUFFICIENT_BALANCE', ...first };
    }
    this.#groups += 1;
    for (const [index, { key, expires, ...move }] of moves.entries()) {
      const group = { id: `group ${this.#groups}`, index, size: moves.length };
      const hold = expires && { expires, hold: { state: 'open' } };
      this.records.set(key, { ...move, ...hold, group });
    }
    return { code: 'CONFIRMED' };
  }

  /**
   * The ways in which a call that closes a hold can be answered now.
   *
   * @param {import('./history.mjs').CloseCall} call
   */
  closings({ by, key, hold: name, cents }) {
    const record = this.records.get(name);
    if (record?.hold === undefined) {
      return ['HOLD_NOT_FOUND'];
    }
    const { state, closedBy, captured } = record.hold;
    const wanted = by === 'captureHold' ? 'captured' : 'released';
    const whole = Number(record.cents);
    const part = wanted === 'captured' ? (cents ?? whole) : undefined;
    if (closedBy === key && state === wanted && captured === part) {
      return ['REPLAYED'];
    }
    const obstacles = [
      ...(this.records.has(key) || closedBy === key ? ['IDEMPOTENT_KEY_REUSED'] : []),
      ...(part !== undefined && part > whole ? ['HOLD_EXCEEDED'] : []),
      ...(state === 'captured' && closedBy !== key ? ['HOLD_CAPTURED'] : []),
      ...(state === 'released' && closedBy !== key ? ['HOLD_RELEASED'] : []),
      ...(state === 'open' && part !== undefined && record.expires === 'past'
        ? ['HOLD_EXPIRED']
        : []),
    ];
    return obstacles.length > 0 ? obstacles : ['CONFIRMED'];
  }

  /**
   * @param {import('./history.mjs').CloseCall} call
   * @param {string} code how it is answered
   */
  #close({ by, key, hold: name, cents }, code) {
    const record = this.records.get(name);
    if (code === 'CONFIRMED' && record?.cents !== undefined) {
      const captured = by === 'captureHold' ? (cents ?? record.cents) : undefined;
      const state = captured === undefined ? 'released' : 'captured';
      this.records.set(name, { ...record, hold: { state, captured, closedBy: key } });
      const rest = record.cents - (captured ?? 0);
      if (rest > 0) {
        this.#groups += 1;
        const group = { id: `group ${this.#groups}`, index: 0, size: 1 };
        const { user } = record;
        this.records.set(key, { user, cents: rest, type: 'credit', returned: name, group });
        this.balances.set(user, this.#balance(user) + rest);
      }
    }
    return code;
  }

  /** @param {string} user */
  #held(user) {
    return [...this.records.values()]
      .filter((record) => record.user === user && record.hold?.state === 'open')
      .reduce((sum, { cents = Number.NaN }) => sum + cents, 0);
  }

  /** @param {string} user */
  #balance(user) {
    return this.balances.get(user) ?? 10_000;
  }

  /**
   * As they stand here, in this order and by themselves; a lone one also as part of others.
   *
   * @param {Move[]} moves
   */
  #isRecorded(moves) {
    const [first] = moves.map(({ key }) => this.records.get(key)?.group);
    return moves.every((move, index) => {
      const record = this.records.get(move.key);
      if (record === undefined || !isSameRequest(record, move)) {
        return false;
      }
      const { id, index: place, size } = record.group;
      return moves.length === 1 || (id === first?.id && place === index && size === moves.length);
    });
  }
}

/**
 * @param {Random} random
 * @returns {Call}
 */
function inventCall(random) {
  const user = () => random.pick(['a', 'b']);
  const keys = ['k', 'l', 'm'];
  const move = (/** @type {string} */ key) => ({
    user: user(),
    key,
    cents: random.pick([4000, 7000]),
    type: random.pick(/** @type {const} */ (['credit', 'debit'])),
  });
  const kind = random.fraction();
  if (kind < 0.2) {
    const by = random.pick(/** @type {const} */ (['getBalance', 'getCurrentBalance']));
    return { kind: 'read', by, user: user() };
  }
  if (kind < 0.3) {
    return { kind: 'lookup', key: random.pick(keys) };
  }
  if (kind < 0.45) {
    const expires = random.pick(/** @type {const} */ (['never', 'past']));
    const hold = { ...move(random.pick(keys)), type: /** @type {const} */ ('debit'), expires };
    return { kind: 'write', by: 'createHold', moves: [hold] };
  }
  if (kind < 0.65) {
    const hold = random.pick(keys);
    const key = random.pick([...keys, 'c', 'c'].filter((it) => it !== hold));
    const close = { kind: /** @type {const} */ ('close'), key, hold, users: ['a', 'b'] };
    return random.pick([
      { ...close, by: 'captureHold' },
      { ...close, by: 'captureHold', cents: random.pick([3000, 5000]) },
      { ...close, by: 'releaseHold' },
    ]);
  }
  if (kind < 0.85) {
    const by = random.pick(/** @type {const} */ (['transact', 'createTransaction']));
    return { kind: 'write', by, moves: [move(random.pick(keys))] };
  }
  const first = random.pick(keys);
  const second = random.pick(keys.filter((key) => key !== first));
  return { kind: 'write', by: 'createTransactions', moves: [move(first), move(second)] };
}

/**
 * Another answer, which may happen to be true.
 *
 * @param {Operation} operation
 * @param {Random} random
 * @returns {import('./history.mjs').Answer}
 */
function falsify({ call, answer }, random) {
  if (call.kind === 'read') {
    const balance = random.pick(['30', '60', '100', '140', '170', '20', '-30', '10']);
    const held = random.pick(['0', '40', '70']);
    return random.fraction() < 0.7 || answer.held === undefined
      ? { ...answer, balance }
      : { ...answer, held };
  }
  if (call.kind === 'lookup') {
    const hold = random.fraction() < 0.5 ? {} : { hold: random.pick(HOLDS) };
    const record = { user: 'a', cents: random.pick([4000, 7000]), type: 'debit', ...hold };
    return random.fraction() < 0.5 ? { code: 'FOUND' } : { code: 'FOUND', record };
  }
  if (answer.code === 'INSUFFICIENT_BALANCE' && random.fraction() < 0.5) {
    const available = random.pick(['30', '60', '0', '20', '-30']);
    return { ...answer, ...(random.fraction() < 0.5 ? { available } : { index: 1 }) };
  }
  if (call.kind === 'close') {
    return { code: random.pick([...END_CODES, 'CONFIRMED', 'REPLAYED', 'IDEMPOTENT_KEY_REUSED']) };
  }
  const codes = ['CONFIRMED', 'DUPLICATE_TRANSACTION', 'REPLAYED', 'IDEMPOTENT_KEY_REUSED'];
  return { code: random.pick([...codes, 'INSUFFICIENT_BALANCE', 'NOTHING_HAPPENED']) };
}

/**
 * A history that happened, and what was recorded in the end; then perhaps falsified.
 *
 * @param {Random} random
 */
function invent(random) {
  /** @type {import('./cents.mjs').Openings} */
  const openings = new Map(random.fraction() < 0.3 ? [['b', -3000]] : []);
  const ledger = new Ledger(openings);
  /** @type {Operation[]} */
  const operations = [];
  for (let instant = 0, count = random.whole(1, MOST_CALLS); instant < count; instant += 1) {
    const call = inventCall(random);
    const isUnknown = ['write', 'close'].includes(call.kind) && random.fraction() < 0.2;
    const hasHappened = !isUnknown || random.fraction() < 0.5;
    const answer = hasHappened ? ledger.answer(call) : { code: 'OUTCOME_UNKNOWN' };
    operations.push({
      call,
      answer: isUnknown ? { code: 'OUTCOME_UNKNOWN' } : answer,
      invoked: 10 * instant - random.whole(0, 25),
      answered: 10 * instant + random.whole(1, 25),
      client: 'any',
    });
  }
  const { records } = ledger;
  if (random.fraction() < 0.5) {
    const victim = random.pick(operations);
    victim.answer = falsify(victim, random);
  }
  return { operations, records, openings };
}

/**
 * Tries every order.
 *
 * @param {Operation[]} rest
 * @param {Map<string, Recorded> | undefined} records what must be recorded in the end, if that
 *   is known
 * @param {import('./cents.mjs').Openings} openings
 * @param {Operation[]} [order]
 * @returns {boolean}
 */
function hasOrder(rest, records, openings, order = []) {
  if (
    rest.every((operation) => meaning(operation.answer) === 'unknown') &&
    isTrue(order, records, openings)
  ) {
    return true;
  }
  return rest.some((next) => {
    const others = rest.filter((operation) => operation !== next);
    const isTooEarly = others.some(
      ({ answer, answered }) => meaning(answer) !== 'unknown' && answered < next.invoked,
    );
    return !isTooEarly && hasOrder(others, records, openings, [...order, next]);
  });
}

/**
 * @param {Operation[]} order
 * @param {Map<string, Recorded> | undefined} records
 * @param {import('./cents.mjs').Openings} openings
 */
function isTrue(order, records, openings) {
  const ledger = new Ledger(openings);
  const areAnswersTrue = order.every(({ call, answer }) => {
    const ends = call.kind === 'close' ? ledger.closings(call) : [];
    const { code, balance, held, record } = ledger.answer(call);
    const isNamed = (/** @type {Shortage} */ { available, index }) =>
      // What is not told is not wrong, and the first one need not be named.
      (answer.available ?? available) === available && (answer.index ?? 0) === index;
    return (
      meaning(answer) === 'unknown' ||
      // Of several things that stand in the way of a closing any may be told.
      ((answer.code === code || ends.includes(answer.code)) &&
        answer.balance === balance &&
        (answer.held ?? held) === held &&
        JSON.stringify(answer.record) === JSON.stringify(record) &&
        (code !== 'INSUFFICIENT_BALANCE' || ledger.shortages.some(isNamed)))
    );
  });
  return (
    areAnswersTrue &&
    (records === undefined ||
      (records.size === ledger.records.size &&
        [...records].every(([key, record]) => {
          const made = ledger.records.get(key);
          return (
            made !== undefined &&
            isSameRequest(made, record) &&
            JSON.stringify(made.hold) === JSON.stringify(record.hold) &&
            made.group.index === record.group.index &&
            made.group.size === record.group.size
          );
        })))
  );
}

let linearizable = 0;
const histories = Number(values.histories);
for (let number = 0; number < histories; number += 1) {
  const { operations, records, openings } = invent(new Random(values.seed, number));
  const heard = operations.filter(({ answer }) => meaning(answer) !== 'nothing');
  for (const known of [undefined, records]) {
    const recordOf =
      known === undefined ? undefined : (/** @type {string} */ key) => known.get(key);
    const judgements = checkLinearizability(operations, recordOf, openings);
    const isFine = judgements.every(({ verdict }) => verdict === 'linearizable');
    const isExplained = hasOrder(heard, known, openings);
    // What must be recorded in the end is checked by the sums where no call has recorded it.
    const isOnlySums =
      known !== undefined && isFine && !isExplained && hasOrder(heard, undefined, openings);
    if (isFine !== isExplained && !isOnlySums) {
      throw new Error(
        `history ${number} of seed ${values.seed}: the checker says ${isFine}, every order tried says ${isExplained}\n${JSON.stringify(operations, undefined, 2)}`,
      );
    }
    linearizable += isFine ? 1 : 0;
  }
}
process.stdout.write(`${JSON.stringify({ histories, judgements: 2 * histories, linearizable })}\n`);
