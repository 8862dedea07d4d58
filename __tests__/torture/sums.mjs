// The plain sums: what the tables must hold after these answers.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import { describe, isSameRequest, meaning } from './history.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').TransactCall} TransactCall */
/** @typedef {import('./tables.mjs').Recorded} Recorded */

/**
 * Everything that is wrong, a complaint each.
 *
 * @param {Operation[]} operations
 * @param {Map<string, string | undefined>} balances of every user, as in the table
 * @param {Map<string, Recorded>} records under every key that was used
 * @returns {string[]}
 */
export function checkSums(operations, balances, records) {
  return [...checkBalances(balances, records), ...checkKeys(operations, records)];
}

/**
 * @param {Map<string, string | undefined>} balances
 * @param {Map<string, Recorded>} records
 */
function checkBalances(balances, records) {
  /** @type {string[]} */
  const complaints = [];
  for (const [user, stored] of balances) {
    const moved = [...records.values()]
      .filter((record) => record.user === user)
      .map(({ cents = Number.NaN, type }) => (type === 'debit' ? -cents : cents));
    const expected = moved.reduce((sum, cents) => sum + cents, DEFAULT_BALANCE);
    const balance = stored === undefined ? DEFAULT_BALANCE : toCents(stored);
    if (balance !== expected) {
      complaints.push(`${user} has ${stored}, but the records add up to ${expected / 100}`);
    }
    if (stored === undefined && moved.length > 0) {
      complaints.push(`${user} has ${moved.length} records and no balance`);
    }
    if (balance !== undefined && balance < 0) {
      complaints.push(`${user} has ${stored}, which is less than nothing`);
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
    const isExplained = calls.some(
      ({ operation, call }) =>
        record !== undefined &&
        isSameRequest(call, /** @type {TransactCall} */ (record)) &&
        (operation.answer.code === 'CONFIRMED' || meaning(operation.answer) === 'unknown'),
    );
    if (record !== undefined && !isExplained) {
      complaints.push(
        `the table has ${JSON.stringify(record)} under ${key}, but every call of it was refused`,
      );
    }
  }
  return complaints;
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
