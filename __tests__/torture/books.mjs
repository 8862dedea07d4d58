// The books of a ledger that does one call at a time: what it would answer, and what a call changes.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import { closingOf, isClosedBy, isReplay, isSameHold, isSameRequest, meaning } from './history.mjs';

/** @typedef {import('./history.mjs').Answer} Answer */
/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').CloseCall} CloseCall */
/** @typedef {import('./history.mjs').Move} Move */
/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').Recorded} Recorded */

export class Books {
  /** @type {Map<string, number>} */
  #balances;
  /** @type {Map<string, number>} */
  #held = new Map();
  /** @type {Map<string, Recorded>} */
  #records = new Map();

  /** @param {import('./cents.mjs').Openings} openings */
  constructor(openings) {
    this.#balances = new Map(openings);
  }

  /** @param {string} user */
  balance(user) {
    return this.#balances.get(user) ?? DEFAULT_BALANCE;
  }

  /**
   * Whether the ledger, as it is now, would answer like this.
   *
   * @param {Operation} operation
   */
  allows({ call, answer }) {
    switch (call.kind) {
      case 'read': {
        const held = this.#held.get(call.user) ?? 0;
        return (
          answer.code === 'READ' &&
          toCents(answer.balance ?? '') === this.balance(call.user) &&
          (answer.held === undefined || toCents(answer.held) === held)
        );
      }
      case 'lookup':
        return answer.code === 'FOUND' && isTold(answer.record, this.#records.get(call.key));
      case 'close':
        return this.#allowsClosing(call, answer);
      case 'write':
        return this.#allowsWrite(call, answer);
    }
  }

  /**
   * @param {import('./history.mjs').WriteCall} call
   * @param {Answer} answer
   */
  #allowsWrite({ by, moves }, answer) {
    const records = moves.map(({ key }) => this.#records.get(key));
    if (records.some((record) => record !== undefined)) {
      const again = by === 'transact' ? 'DUPLICATE_TRANSACTION' : 'REPLAYED';
      return answer.code === (isReplay(moves, records) ? again : 'IDEMPOTENT_KEY_REUSED');
    }
    const shortages = this.#shortages(moves);
    if (shortages.length === 0) {
      return answer.code === 'CONFIRMED' || meaning(answer) === 'unknown';
    }
    // Of several that are not covered any may be named.
    const { index = 0, available } = answer;
    const isNamed = (/** @type {{ index: number, left: number }} */ shortage) =>
      shortage.index === index && (available === undefined || toCents(available) === shortage.left);
    return answer.code === 'INSUFFICIENT_BALANCE' && shortages.some(isNamed);
  }

  /**
   * Where several things stand in the way, any of them may be told: some are seen when the hold is read,
   * and the others when it is written.
   *
   * @param {CloseCall} call
   * @param {Answer} answer
   */
  #allowsClosing(call, answer) {
    const record = this.#records.get(call.hold);
    const { hold, cents = Number.NaN, expires } = record ?? {};
    if (hold === undefined) {
      return answer.code === 'HOLD_NOT_FOUND';
    }
    if (isClosedBy(call, record)) {
      return answer.code === 'REPLAYED';
    }
    const isCapture = call.by === 'captureHold';
    const isOwnKeyTaken = this.#records.has(call.key) || hold.closedBy === call.key;
    const isTooLittle = isCapture && (call.cents ?? cents) > cents;
    const isOpen = hold.state === 'open';
    switch (answer.code) {
      case 'IDEMPOTENT_KEY_REUSED':
        return isOwnKeyTaken;
      case 'HOLD_CAPTURED':
        return hold.state === 'captured' && hold.closedBy !== call.key;
      case 'HOLD_RELEASED':
        return hold.state === 'released' && hold.closedBy !== call.key;
      case 'HOLD_EXCEEDED':
        return isTooLittle;
      case 'HOLD_EXPIRED':
        return isOpen && isCapture && expires !== 'never';
      default:
        // Whether one that expires during the run has done so yet is not known here.
        return (
          (answer.code === 'CONFIRMED' || meaning(answer) === 'unknown') &&
          isOpen &&
          !isOwnKeyTaken &&
          !isTooLittle &&
          !(isCapture && expires === 'past')
        );
    }
  }

  /**
   * The debits that are not covered at their places, and what those before them have left for them.
   *
   * @param {Move[]} moves
   */
  #shortages(moves) {
    /** @type {Map<string, number>} */
    const balances = new Map();
    return moves.flatMap(({ user, cents, type }, index) => {
      const left = balances.get(user) ?? this.balance(user);
      balances.set(user, left + (type === 'debit' ? -cents : cents));
      return type === 'debit' && left < cents ? [{ index, left }] : [];
    });
  }

  /**
   * A call that is allowed takes effect.
   *
   * @param {Call} call
   * @param {string} id of its own
   */
  apply(call, id) {
    if (call.kind === 'write') {
      for (const [index, { key, expires, ...move }] of call.moves.entries()) {
        const group = { id, index, size: call.moves.length };
        const hold = expires === undefined ? {} : { expires, hold: { state: 'open' } };
        this.#records.set(key, { ...move, ...hold, group });
        this.#move(move, 1);
        this.#hold(move.user, expires === undefined ? 0 : move.cents);
      }
    } else if (call.kind === 'close') {
      const { record, rest, cents } = this.#closing(call);
      this.#records.set(call.hold, { ...record, hold: closingOf(call, cents) });
      this.#hold(record.user, -cents);
      if (rest !== undefined) {
        const group = { id, index: 0, size: 1 };
        this.#records.set(call.key, { ...rest, returned: call.hold, group });
        this.#move(rest, 1);
      }
    }
  }

  /**
   * Undoes a call, when all that came after it is undone.
   *
   * @param {Call} call
   */
  revert(call) {
    if (call.kind === 'write') {
      for (const { key, expires, ...move } of call.moves) {
        this.#records.delete(key);
        this.#move(move, -1);
        this.#hold(move.user, expires === undefined ? 0 : -move.cents);
      }
    } else if (call.kind === 'close') {
      const { record, rest, cents } = this.#closing(call);
      this.#records.set(call.hold, { ...record, hold: { state: 'open' } });
      this.#hold(record.user, cents);
      if (rest !== undefined) {
        this.#records.delete(call.key);
        this.#move(rest, -1);
      }
    }
  }

  /**
   * The hold that a call closes, and the credit of what goes back.
   *
   * @param {CloseCall} call
   */
  #closing(call) {
    const record = this.#records.get(call.hold);
    if (record?.cents === undefined) {
      throw new Error(`there is no hold ${call.hold}`);
    }
    const { user, cents } = record;
    const rest = cents - (closingOf(call, cents).captured ?? 0);
    const credit = { user, cents: rest, type: /** @type {const} */ ('credit') };
    return { record, cents, rest: rest === 0 ? undefined : credit };
  }

  /**
   * @param {Omit<Move, 'key'>} move
   * @param {1 | -1} direction
   */
  #move({ user, cents, type }, direction) {
    const change = direction * (type === 'debit' ? -cents : cents);
    this.#balances.set(user, this.balance(user) + change);
  }

  /**
   * @param {string} user
   * @param {number} cents
   */
  #hold(user, cents) {
    this.#held.set(user, (this.#held.get(user) ?? 0) + cents);
  }
}

/**
 * Whether a record is told as it is.
 *
 * @param {import('./history.mjs').Told | undefined} told
 * @param {Recorded | undefined} record
 */
function isTold(told, record) {
  return told === undefined || record === undefined
    ? told === record
    : isSameRequest(told, record) && isSameHold(told.hold, record.hold);
}
