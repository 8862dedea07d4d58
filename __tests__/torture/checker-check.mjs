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
/** @typedef {import('./history.mjs').TransactCall} TransactCall */

/** More would take too long to try in every order. */
const MOST_CALLS = 6;

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
  /** @type {Map<string, TransactCall>} */
  records = new Map();

  /** @param {import('./cents.mjs').Openings} openings */
  constructor(openings) {
    this.balances = new Map(openings);
  }

  /**
   * @param {Call} call
   * @returns {import('./history.mjs').Answer}
   */
  answer(call) {
    const balance = this.balances.get(call.user) ?? 10_000;
    if (call.kind === 'read') {
      return { code: 'READ', balance: (balance / 100).toString() };
    }
    const record = this.records.get(call.key);
    if (record !== undefined) {
      const code = isSameRequest(record, call) ? 'DUPLICATE_TRANSACTION' : 'IDEMPOTENT_KEY_REUSED';
      return { code };
    }
    if (call.type === 'debit' && call.cents > balance) {
      return { code: 'INSUFFICIENT_BALANCE' };
    }
    this.records.set(call.key, call);
    this.balances.set(call.user, balance + (call.type === 'debit' ? -call.cents : call.cents));
    return { code: 'CONFIRMED' };
  }
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
    const user = random.pick(['a', 'b']);
    /** @type {Call} */
    const call =
      random.fraction() < 0.3
        ? { kind: 'read', user }
        : {
            kind: 'transact',
            user,
            key: random.pick(['k', 'l', 'm']),
            cents: random.pick([4000, 7000]),
            type: random.pick(/** @type {const} */ (['credit', 'debit'])),
          };
    const isUnknown = call.kind === 'transact' && random.fraction() < 0.2;
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
    victim.answer =
      victim.call.kind === 'read'
        ? {
            code: 'READ',
            balance: random.pick(['30', '60', '100', '140', '170', '20', '-30', '10']),
          }
        : {
            code: random.pick([
              'CONFIRMED',
              'DUPLICATE_TRANSACTION',
              'IDEMPOTENT_KEY_REUSED',
              'INSUFFICIENT_BALANCE',
              'NOTHING_HAPPENED',
            ]),
          };
  }
  return { operations, records, openings };
}

/**
 * Tries every order.
 *
 * @param {Operation[]} rest
 * @param {Map<string, TransactCall> | undefined} records what must be recorded in the end, if that
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
 * @param {Map<string, TransactCall> | undefined} records
 * @param {import('./cents.mjs').Openings} openings
 */
function isTrue(order, records, openings) {
  const ledger = new Ledger(openings);
  const areAnswersTrue = order.every(({ call, answer }) => {
    const { code, balance } = ledger.answer(call);
    return meaning(answer) === 'unknown' || (answer.code === code && answer.balance === balance);
  });
  return (
    areAnswersTrue &&
    (records === undefined ||
      (records.size === ledger.records.size &&
        [...records].every(([key, record]) => {
          const made = ledger.records.get(key);
          return made !== undefined && isSameRequest(made, record);
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
