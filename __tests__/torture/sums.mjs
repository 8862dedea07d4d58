// The plain sums: what the tables must hold after these answers.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import { describe, isClosedBy, isReplay, isSameRequest, meaning, movesOf } from './history.mjs';

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').CloseCall} CloseCall */
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
 * The item of a balance as it is in the table.
 *
 * @typedef {{ balance: string | undefined, held: string | undefined }} Account
 */

/**
 * Everything that is wrong, a complaint each.
 *
 * @param {Operation[]} operations
 * @param {Map<string, Account>} accounts of every user
 * @param {Map<string, Recorded>} records under every key that was used
 * @param {import('./cents.mjs').Openings} [openings]
 * @returns {string[]}
 */
export function checkSums(operations, accounts, records, openings = new Map()) {
  return [
    ...checkBalances(accounts, records, openings),
    ...checkGroups(records),
    ...checkKeys(operations, records),
    ...checkHolds(operations, records),
  ];
}

/**
 * @param {Map<string, Account>} accounts
 * @param {Map<string, Recorded>} records
 * @param {import('./cents.mjs').Openings} openings
 */
function checkBalances(accounts, records, openings) {
  /** @type {string[]} */
  const complaints = [];
  for (const [user, { balance: stored, held }] of accounts) {
    const own = [...records.values()].filter((record) => record.user === user);
    const moved = own.map(({ cents = Number.NaN, type }) => (type === 'debit' ? -cents : cents));
    const opening = openings.get(user) ?? DEFAULT_BALANCE;
    const expected = moved.reduce((sum, cents) => sum + cents, opening);
    const balance = stored === undefined ? DEFAULT_BALANCE : toCents(stored);
    if (balance !== expected) {
      complaints.push(`${user} has ${stored}, but the records add up to ${expected / 100}`);
    }
    const open = own.filter(({ hold }) => hold?.state === 'open');
    const expectedHeld = open.reduce((sum, { cents = Number.NaN }) => sum + cents, 0);
    if (toCents(held ?? '0') !== expectedHeld) {
      complaints.push(`of ${user} ${held} is held, but the open holds are ${expectedHeld / 100}`);
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
    // What gives back a hold is explained by the call that closed it.
    const isMoved = record !== undefined && record.returned === undefined;
    if (isMoved && !isExplained(key, record, keyOperations, operations)) {
      complaints.push(
        `the table has ${JSON.stringify(record)} under ${key}, but every call of it was refused, or ` +
          `a refusal came after it: ${keyOperations.map(tell).join('; ')}`,
      );
    }
  }
  return complaints;
}

/**
 * Each hold was closed by one call at most, and what it was not captured for was given back once.
 *
 * @param {Operation[]} operations
 * @param {Map<string, Recorded>} records
 */
function checkHolds(operations, records) {
  /** @type {string[]} */
  const complaints = [];
  /** @type {Map<string, { operation: Operation, call: CloseCall }[]>} */
  const byHold = new Map();
  for (const operation of operations) {
    const { call } = operation;
    if (call.kind === 'close') {
      byHold.set(call.hold, [...(byHold.get(call.hold) ?? []), { operation, call }]);
    }
  }
  for (const [key, record] of records) {
    const { hold, cents = Number.NaN } = record;
    if (hold !== undefined && hold.state !== 'open') {
      const calls = byHold.get(key) ?? [];
      complaints.push(...checkReturn(key, record, records));
      const closers = calls.filter(({ operation }) => operation.answer.code === 'CONFIRMED');
      if (closers.length > 1 || (hold.captured ?? 0) > cents) {
        complaints.push(`${key} was closed ${closers.length} times: ${JSON.stringify(record)}`);
      }
      if (!calls.some(({ operation, call }) => mayHaveClosed(call, operation, record, calls))) {
        complaints.push(
          `${key} is ${JSON.stringify(hold)}, but every such call was refused, or a refusal came after it: ` +
            calls.map(({ operation }) => tell(operation)).join('; '),
        );
      }
    }
    if (record.returned !== undefined && records.get(record.returned)?.hold?.closedBy !== key) {
      complaints.push(`${key} gives back ${record.returned}, which was not closed by it`);
    }
  }
  for (const { operation, call } of [...byHold.values()].flat()) {
    if (contradictsEnd(call, operation.answer.code, records.get(call.hold))) {
      const end = JSON.stringify(records.get(call.hold));
      complaints.push(`the table has ${end} under the hold of ${describe(operation)}`);
    }
  }
  return complaints;
}

/**
 * @param {string} key
 * @param {Recorded} record of a hold that was closed
 * @param {Map<string, Recorded>} records
 */
function checkReturn(key, { user, cents = Number.NaN, hold, expires }, records) {
  const rest = cents - (hold?.captured ?? 0);
  const credit = { user, cents: rest, type: 'credit', returned: key };
  const found = records.get(hold?.closedBy ?? '');
  const returned = [...records.values()].filter((record) => record.returned === key);
  const isRight =
    rest === 0
      ? returned.length === 0
      : returned.length === 1 && found !== undefined && isSameRequest(credit, found);
  return [
    ...(isRight ? [] : [`of ${key} ${rest / 100} is to be back: ${JSON.stringify(returned)}`]),
    ...(hold?.state === 'captured' && expires === 'past' ? [`${key} was captured too late`] : []),
  ];
}

/**
 * Whether a call can be the one that closed a hold. In one client, a refusal that was told since excludes
 * it. What another client has given up can arrive as long as the hold is open.
 *
 * @param {CloseCall} call
 * @param {Operation} operation the call's
 * @param {Recorded} record of the hold
 * @param {{ operation: Operation, call: CloseCall }[]} all calls that were to close it
 */
function mayHaveClosed(call, { answer, answered, client }, record, all) {
  const isRefusal = (/** @type {{ operation: Operation, call: CloseCall }} */ other) =>
    other.call.key === call.key &&
    other.operation.client === client &&
    other.operation.answer.code === 'HOLD_EXPIRED' &&
    other.operation.answered >= answered;
  return (
    isClosedBy(call, record) &&
    (answer.code === 'CONFIRMED' || (meaning(answer) === 'unknown' && !all.some(isRefusal)))
  );
}

/**
 * Whether the end of a hold proves an answer wrong. A hold that is closed stays as it is.
 *
 * @param {CloseCall} call
 * @param {string} code
 * @param {Recorded | undefined} record
 */
function contradictsEnd(call, code, record) {
  const isDone = isClosedBy(call, record);
  const hold = record?.hold;
  switch (code) {
    case 'CONFIRMED':
    case 'REPLAYED':
      return !isDone;
    case 'HOLD_CAPTURED':
      return hold?.state !== 'captured' || hold.closedBy === call.key;
    case 'HOLD_RELEASED':
      return hold?.state !== 'released' || hold.closedBy === call.key;
    case 'HOLD_EXCEEDED':
      return (call.cents ?? 0) <= (record?.cents ?? 0);
    case 'HOLD_EXPIRED':
      return call.by !== 'captureHold' || (record?.expires ?? 'never') === 'never';
    case 'IDEMPOTENT_KEY_REUSED':
      return isDone;
    default:
      return false;
  }
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
      for (const key of keysTaken(call)) {
        takers.set(key, [...(takers.get(key) ?? []), operation]);
      }
    }
  }
  return operations.filter(({ call, answer, answered }) => {
    const isDuplicate = ['DUPLICATE_TRANSACTION', 'REPLAYED'].includes(answer.code);
    if (!isDuplicate && answer.code !== 'IDEMPOTENT_KEY_REUSED') {
      return false;
    }
    return !keysTaken(call)
      .flatMap((key) => takers.get(key) ?? [])
      .some((taker) => taker.invoked < answered && repeats(call, taker.call) === isDuplicate);
  });
}

/** @param {Call} call */
function keysTaken(call) {
  return call.kind === 'close' ? [call.key] : movesOf(call).map(({ key }) => key);
}

/**
 * Whether a call asks for what another one has asked for, or for one movement of it.
 *
 * @param {Call} call
 * @param {Call} other
 */
function repeats(call, other) {
  if (call.kind === 'close') {
    const { by, key, hold, cents } = call;
    return (
      other.kind === 'close' &&
      [by, key, hold, cents].join() === [other.by, other.key, other.hold, other.cents].join()
    );
  }
  const moves = movesOf(call);
  const asked = movesOf(other);
  const isSame = (/** @type {Move} */ left, /** @type {Move | undefined} */ right) =>
    right !== undefined && left.key === right.key && isSameRequest(left, right);
  return moves.length === 1
    ? moves.every((move) => asked.some((it) => isSame(move, it)))
    : moves.length === asked.length && moves.every((move, index) => isSame(move, asked[index]));
}
