// The plain sums: what the tables must hold after these answers.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import { describe, isSameRequest, meaning } from './history.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').TransactCall} TransactCall */
/** @typedef {import('./tables.mjs').Recorded} Recorded */

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
  return [...checkBalances(balances, records, openings), ...checkKeys(operations, records)];
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
 * @param {Operation[]} operations
 * @param {Map<string, Recorded>} records
 */
function checkKeys(operations, records) {
  /** @type {string[]} */
  const complaints = [];
  /** @type {Map<string, { operation: Operation, call: TransactCall }[]>} */
  const byKey = new Map();
  for (const operation of operations) {
    const { call } = operation;
    if (call.kind === 'transact') {
      byKey.set(call.key, [...(byKey.get(call.key) ?? []), { operation, call }]);
    }
  }
  for (const [key, calls] of byKey) {
    const record = records.get(key);
    const confirmed = calls.filter(({ operation }) => operation.answer.code === 'CONFIRMED');
    if (confirmed.length > 1) {
      complaints.push(`${key} was confirmed ${confirmed.length} times`);
    }
    for (const { operation, call } of calls) {
      if (contradicts(operation.answer.code, call, record)) {
        complaints.push(
          `the table has ${JSON.stringify(record) ?? 'nothing'} under the key of ${describe(operation)}`,
        );
      }
    }
    const keyOperations = calls.map(({ operation }) => operation);
    if (record !== undefined && !isExplained(record, keyOperations, operations)) {
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
 * @param {Recorded} record
 * @param {Operation[]} operations with the record's key
 * @param {Operation[]} all
 */
function isExplained(record, operations, all) {
  const refusals = operations.filter(
    ({ call, answer }) => answer.code === 'INSUFFICIENT_BALANCE' && call.user === record.user,
  );
  return operations.some(
    (operation) =>
      operation.call.kind === 'transact' &&
      isSameRequest(operation.call, /** @type {TransactCall} */ (record)) &&
      (operation.answer.code === 'CONFIRMED' ||
        (meaning(operation.answer) === 'unknown' &&
          refusals.every((refusal) => leavesPossible(refusal, operation, all)))),
  );
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
        call.kind === 'transact' &&
        call.type === 'credit' &&
        call.user === unknown.call.user &&
        (answer.code === 'CONFIRMED' || meaning(answer) === 'unknown') &&
        invoked <= unknown.answered + WINDOW * 1e6 &&
        (answered >= refusal.invoked || meaning(answer) === 'unknown'),
    )
  );
}

/**
 * Whether a record (or none) in the end proves an answer wrong. Records are never removed.
 *
 * @param {string} code
 * @param {TransactCall} call
 * @param {Recorded | undefined} record
 */
function contradicts(code, call, record) {
  const isSame = record !== undefined && isSameRequest(call, /** @type {TransactCall} */ (record));
  switch (code) {
    case 'CONFIRMED':
    case 'DUPLICATE_TRANSACTION':
      return !isSame;
    case 'IDEMPOTENT_KEY_REUSED':
      return record === undefined || isSame;
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
    if (
      call.kind === 'transact' &&
      (answer.code === 'CONFIRMED' || meaning(answer) === 'unknown')
    ) {
      takers.set(call.key, [...(takers.get(call.key) ?? []), operation]);
    }
  }
  return operations.filter(({ call, answer, answered }) => {
    if (call.kind !== 'transact') {
      return false;
    }
    const isDuplicate = answer.code === 'DUPLICATE_TRANSACTION';
    if (!isDuplicate && answer.code !== 'IDEMPOTENT_KEY_REUSED') {
      return false;
    }
    return !(takers.get(call.key) ?? []).some(
      (taker) =>
        taker.invoked < answered &&
        taker.call.kind === 'transact' &&
        isSameRequest(taker.call, call) === isDuplicate,
    );
  });
}
