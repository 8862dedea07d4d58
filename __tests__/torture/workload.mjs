// What the callers of a round ask for. Every key's request follows from the seed, so that callers
// in different processes repeat each other's calls, often at the same moment, without speaking.

import { chance, Random } from './random.mjs';

/** Users of a group share keys. Small groups keep the histories cheap to check. */
const USERS_PER_GROUP = 3;

const SHARE_IN_DEBT = 0.25;
/** In cents: several credits, so that they stay there for some calls. */
const MAX_DEBT = 30_000;

/** How far behind or ahead of a caller's own progress the keys are that it repeats. */
const REACH = 6;

/**
 * @typedef {object} Round
 * @property {number | string} seed
 * @property {string} name part of every user and key of the round
 * @property {number} groups
 * @property {number} callers
 */

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Move} Move */
/** @typedef {import('./history.mjs').WriteCall} WriteCall */

/** @param {Round} round */
export function usersOf(round) {
  return Array.from({ length: round.groups * USERS_PER_GROUP }, (_, index) =>
    userName(round, Math.floor(index / USERS_PER_GROUP), index % USERS_PER_GROUP),
  );
}

/**
 * Users whose balance is below zero before the first call, as other writers may leave one.
 *
 * @param {Round} round
 * @returns {import('./cents.mjs').Openings}
 */
export function openingsOf(round) {
  const indebted = usersOf(round).filter(
    (user) => chance(round.seed, 'debt', user) < SHARE_IN_DEBT,
  );
  return new Map(
    indebted.map((user) => [user, -new Random(round.seed, 'debts', user).whole(1, MAX_DEBT)]),
  );
}

/**
 * @param {Round} round
 * @param {number} group
 * @param {number} index
 */
function userName(round, group, index) {
  return `${round.name}-user-${group}-${index}`;
}

/**
 * The request that belongs to some keys.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @returns {WriteCall}
 */
function original(round, caller, turn) {
  const random = new Random(round.seed, round.name, 'request', caller, turn);
  const key = `${round.name}-key-${caller}-${turn}`;
  // A caller stays in its group. The first user of a group is the hot one.
  const user = () => userName(round, caller % round.groups, random.pick([0, 0, 0, 1, 2]));
  const cents = () => random.whole(1, 15_000);
  const kind = random.fraction();
  if (kind < 0.75) {
    // Debits outweigh credits, and both are large: refusals are common, and what was refused a
    // moment ago may be covered the next.
    const type = random.fraction() < 0.55 ? 'debit' : 'credit';
    const by = kind < 0.55 ? 'transact' : 'createTransaction';
    return { kind: 'write', by, moves: [{ user: user(), key, cents: cents(), type }] };
  }
  /** @type {Move[]} */
  const moves = [];
  for (let index = random.whole(1, 3); index >= 0; index -= 1) {
    const type = random.pick(/** @type {const} */ (['credit', 'debit']));
    moves.push({ user: user(), key: `${key}-${index}`, cents: cents(), type });
  }
  const [payer, payee] = moves;
  if (moves.length === 2 && payer !== undefined && payee !== undefined) {
    // A transfer, which moves nothing in sum.
    Object.assign(payer, { type: 'debit' });
    Object.assign(payee, { type: 'credit', cents: payer.cents });
  }
  return { kind: 'write', by: 'createTransactions', moves };
}

/**
 * Nearly the same request.
 *
 * @param {WriteCall} call
 * @param {Random} random
 * @param {(index: number) => string} user
 * @returns {WriteCall}
 */
function altered(call, random, user) {
  const { moves } = call;
  const place = random.whole(0, moves.length - 1);
  const change = (/** @type {(move: Move) => Partial<Move>} */ how) =>
    moves.map((move, index) => (index === place ? { ...move, ...how(move) } : move));
  const other = { credit: 'debit', debit: 'credit' };
  const changes = [
    () => change(({ cents }) => ({ cents: cents + 1 })),
    () => change(({ type }) => ({ type: /** @type {Move['type']} */ (other[type]) })),
    () => change(() => ({ user: user(random.whole(0, 2)) })),
    ...(moves.length > 1
      ? [() => [...moves].reverse(), () => moves.slice(1), () => moves.slice(0, 1)]
      : []),
  ];
  const changed = random.pick(changes)();
  const isLone = changed.length === 1 && call.by === 'createTransactions';
  return { ...call, by: isLone ? 'createTransaction' : call.by, moves: changed };
}

/**
 * A caller's calls, one after the other.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} count
 * @returns {Call[]}
 */
export function callsOf(round, caller, count) {
  const random = new Random(round.seed, round.name, 'caller', caller);
  return Array.from({ length: count }, (_, turn) => {
    const kind = random.fraction();
    const own = original(round, caller, turn);
    if (kind < 0.15) {
      const by = random.pick(/** @type {const} */ (['getCurrentBalance', 'getBalance']));
      return { kind: 'read', by, user: String(own.moves[0]?.user) };
    }
    if (kind < 0.75) {
      return own;
    }
    const neighbours = Math.ceil((round.callers - (caller % round.groups)) / round.groups);
    const other = (caller % round.groups) + round.groups * random.whole(0, neighbours - 1);
    const theirs = Math.max(0, turn + random.whole(-REACH, 1));
    const repeated = original(round, other, theirs);
    if (kind < 0.82) {
      return { kind: 'lookup', key: random.pick(repeated.moves).key };
    }
    if (kind < 0.93) {
      return repeated;
    }
    return altered(repeated, random, (index) => userName(round, caller % round.groups, index));
  });
}
