// The plain sums: what the tables must hold after these answers.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import { describe, isReplay, isSameRequest, meaning, movesOf } from './history.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').Move} Move */
/** @typedef {import('./history.mjs').Recorded} Recorded */

/**
 * How long after `OUTCOME_UNKNOWN` a credit can be made that still lets the unknown request take
 * effect, whatever another client was told, in milliseconds: an epoch, and the difference of the
 * clocks of two processes, which the service's `Date` corrects to about a second.
 */
export const WINDOW = 5_000 + 2_000;

/**
 * Everything that is wrong, a complaint each.
 *
 * @param {Operation[]} operations
 * @param {Map<string, string | undefined>} balances of every user, as in the table
 * @param {Map<string, Recorded>} records under every key that was used
 * @param {import('./cents.mjs').Openings} [openings]
 * @returns {string[]}
 */
export function checkSums(operations, balances, records, openings = new Map()) {
  return [
    ...checkBalances(balances, records, openings),
    ...checkGroups(records),
    ...checkKeys(operations, records),
  ];
}

/**
 * @param {Map<string, string | undefined>} balances
 * @param {Map<string, Recorded>} records
 * @param {import('./cents.mjs').Openings} openings
 */
function checkBalances(balances, records, openings) {
  /** @type {string[]} */
  const complaints = [];
  for (const [user, stored] of balances) {
    const moved = [...records.values()]
      .filter((record) => record.user === user)
      .map(({ cents = Number.NaN, type }) => (type === 'debit' ? -cents : cents));
    const opening = openings.get(user) ?? DEFAULT_BALANCE;
    const expected = moved.reduce((sum, cents) => sum + cents, opening);
    const balance = stored === undefined ? DEFAULT_BALANCE : toCents(stored);
    if (balance !== expected) {
      complaints.push(`${user} has ${stored}, but the records add up to ${expected / 100}`);
    }
    if (stored === undefined && moved.length > 0) {
      complaints.push(`${user} has ${moved.length} records and no balance`);
    }
    if (balance !== undefined && balance < Math.min(0, opening)) {
      complaints.push(`${user} has ${stored}, which is less than nothing and than at the start`);
    }
  }
  return complaints;
}

/**
 * What was to be recorded together is there as a whole, or not at all.
 *
 * @param {Map<string, Recorded>} records
 */
function checkGroups(records) {
  /** @type {Map<string, Recorded[]>} */
  const groups = new Map();
  for (const record of records.values()) {
    groups.set(record.group.id, [...(groups.get(record.group.id) ?? []), record]);
  }
  return [...groups]
    .filter(([, members]) => {
      const places = members.map(({ group }) => group.index).sort((a, b) => a - b);
      const { size } = /** @type {Recorded} */ (members[0]).group;
      return places.length !== size || places.some((place, index) => place !== index);
    })
    .map(([id, members]) => `of the group ${id} there is ${JSON.stringify(members)}`);
}

/**
 * @param {Operation[]} operations
 * @param {Map<string, Recorded>} records
 */
function checkKeys(operations, records) {
  /** @type {string[]} */
  const complaints = [];
  /** @type {Map<string, { operation: Operation, move: Move }[]>} */
  const byKey = new Map();
  for (const operation of operations) {
    for (const move of movesOf(operation.call)) {
      byKey.set(move.key, [...(byKey.get(move.key) ?? []), { operation, move }]);
    }
  }
  for (const [key, calls] of byKey) {
    const record = records.get(key);
    const confirmed = calls.filter(({ operation }) => operation.answer.code === 'CONFIRMED');
    if (confirmed.length > 1) {
      complaints.push(`${key} was confirmed ${confirmed.length} times`);
    }
    for (const { operation, move } of calls) {
      if (contradicts(operation, move, records)) {
        complaints.push(
          `the table has ${JSON.stringify(record) ?? 'nothing'} under the key of ${describe(operation)}`,
        );
      }
    }
    const keyOperations = calls.map(({ operation }) => operation);
    if (record !== undefined && !isExplained(key, record, keyOperations, operations)) {
      complaints.push(
        `the table has ${JSON.stringify(record)} under ${key}, but every call of it was refused, or ` +
          `a refusal came after it: ${keyOperations.map(tell).join('; ')}`,
      );
    }
  }
  return complaints;
}

/** @param {Operation} operation */
function tell({ client, answer, invoked, answered }) {
  const milliseconds = (/** @type {number} */ time) => (time / 1e6).toFixed(0);
  return `${client} ${milliseconds(invoked)} to ${milliseconds(answered)} ms ${answer.code}`;
}

/**
 * Whether somebody can have written a record: a call that was confirmed, or one whose outcome is
 * unknown and was not refused since.
 *
 * @param {string} key
 * @param {Recorded} record
 * @param {Operation[]} operations with the record's key
 * @param {Operation[]} all
 */
function isExplained(key, record, operations, all) {
  const moveOf = (/** @type {Operation} */ { call }) =>
    movesOf(call).find((move) => move.key === key);
  const refusals = operations.filter(
    (operation) =>
      operation.answer.code === 'INSUFFICIENT_BALANCE' && moveOf(operation)?.user === record.user,
  );
  return operations.some((operation) => {
    const move = moveOf(operation);
    return (
      move !== undefined &&
      isSameRequest(move, record) &&
      (operation.answer.code === 'CONFIRMED' ||
        (meaning(operation.answer) === 'unknown' &&
          refusals.every((refusal) => leavesPossible(refusal, operation, all))))
    );
  });
}

/**
 * Whether the request of a call whose outcome is unknown can take effect although another call with
 * its key was refused. In the same client: only if the call ended after the refusal was told. A
 * refusal in another client is not final against credits that were made before the window was over
 * (docs/protocol.md).
 *
 * @param {Operation} refusal
 * @param {Operation} unknown
 * @param {Operation[]} all
 */
function leavesPossible(refusal, unknown, all) {
  if (unknown.answered > refusal.answered) {
    return true;
  }
  return (
    unknown.client !== refusal.client &&
    all.some(
      ({ call, answer, invoked, answered }) =>
        movesOf(call).some(
          ({ type, user }) =>
            type === 'credit' && movesOf(unknown.call).some((move) => move.user === user),
        ) &&
        (answer.code === 'CONFIRMED' || meaning(answer) === 'unknown') &&
        invoked <= unknown.answered + WINDOW * 1e6 &&
        (answered >= refusal.invoked || meaning(answer) === 'unknown'),
    )
  );
}

/**
 * Whether a record (or none) in the end proves an answer wrong. Records are never removed.
 *
 * @param {Operation} operation
 * @param {Move} move
 * @param {Map<string, Recorded>} records
 */
function contradicts({ call, answer: { code } }, move, records) {
  const record = records.get(move.key);
  const isSame = record !== undefined && isSameRequest(move, record);
  const moves = movesOf(call);
  const found = moves.map(({ key }) => records.get(key));
  switch (code) {
    case 'CONFIRMED':
    case 'DUPLICATE_TRANSACTION':
    case 'REPLAYED':
      return !isSame || !isReplay(moves, found);
    case 'IDEMPOTENT_KEY_REUSED':
      return found.every((it) => it === undefined) || isReplay(moves, found);
    default:
      return false;
  }
}

/**
 * Calls that were told that their key is taken although no other call can have taken it: each is
 * its own duplicate.
 *
 * @param {Operation[]} operations
 */
export function falseDuplicates(operations) {
  /** @type {Map<string, Operation[]>} */
  const takers = new Map();
  for (const operation of operations) {
    const { call, answer } = operation;
    if (answer.code === 'CONFIRMED' || meaning(answer) === 'unknown') {
      for (const { key } of movesOf(call)) {
        takers.set(key, [...(takers.get(key) ?? []), operation]);
      }
    }
  }
  return operations.filter(({ call, answer, answered }) => {
    const isDuplicate = ['DUPLICATE_TRANSACTION', 'REPLAYED'].includes(answer.code);
    if (!isDuplicate && answer.code !== 'IDEMPOTENT_KEY_REUSED') {
      return false;
    }
    const moves = movesOf(call);
    return !moves
      .flatMap(({ key }) => takers.get(key) ?? [])
      .some((taker) => taker.invoked < answered && repeats(moves, taker.call) === isDuplicate);
  });
}

/**
 * Whether some movements are what a call has asked for, or a lone one of them.
 *
 * @param {Move[]} moves
 * @param {import('./history.mjs').Call} call
 */
function repeats(moves, call) {
  const asked = movesOf(call);
  const isSame = (/** @type {Move} */ left, /** @type {Move | undefined} */ right) =>
    right !== undefined && left.key === right.key && isSameRequest(left, right);
  return moves.length === 1
    ? moves.every((move) => asked.some((other) => isSame(move, other)))
    : moves.length === asked.length && moves.every((move, index) => isSame(move, asked[index]));
}
