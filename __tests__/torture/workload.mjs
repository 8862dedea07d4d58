// What the callers of a round ask for. Every key's request follows from the seed, so that callers
// in different processes repeat each other's calls, often at the same moment, without speaking.

import { keysOf, usersOfCall } from './history.mjs';
import { chance, Random } from './random.mjs';
import { BY_SWEEPER } from './sweepers.mjs';

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

/** The share of releases that are those that a sweeper of expired holds makes as well. */
const SHARE_AS_SWEEPER = 0.2;

/** What a hold has at most, in cents. */
const MOST_HELD = 2000;

/** How often a hold is looked for among the requests of others. */
const TRIES = 20;

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').CloseCall} CloseCall */
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

/** @typedef {'one' | 'several' | 'hold' | 'close'} Kind */

/**
 * What the request is that belongs to a turn of a caller.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @returns {Kind}
 */
function kindOf(round, caller, turn) {
  const kind = chance(round.seed, round.name, 'kind', caller, turn);
  if (kind < 0.5) {
    return 'one';
  }
  if (kind < 0.65) {
    return 'several';
  }
  return kind < 0.8 ? 'hold' : 'close';
}

/**
 * The request that belongs to some keys.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @returns {WriteCall | CloseCall}
 */
function original(round, caller, turn) {
  const random = new Random(round.seed, round.name, 'request', caller, turn);
  const key = `${round.name}-key-${caller}-${turn}`;
  // A caller stays in its group. The first user of a group is the hot one.
  const user = () => userName(round, caller % round.groups, random.pick([0, 0, 0, 1, 2]));
  const move = (/** @type {string} */ key, /** @type {Move['type']} */ type) => ({
    user: user(),
    key,
    cents: random.whole(1, 15_000),
    type,
  });
  switch (kindOf(round, caller, turn)) {
    case 'one': {
      // Debits outweigh credits, and both are large: refusals are common, and what was refused a
      // moment ago may be covered the next.
      const type = random.fraction() < 0.55 ? 'debit' : 'credit';
      const by = random.fraction() < 0.75 ? 'transact' : 'createTransaction';
      return { kind: 'write', by, moves: [move(key, type)] };
    }
    case 'several':
      return { kind: 'write', by: 'createTransactions', moves: severalMoves(key, random, move) };
    case 'hold': {
      const expires = random.pick(/** @type {const} */ (['never', 'never', 'past', 'soon']));
      const debit = move(key, 'debit');
      // Most are covered. At least 2, so that to capture part of it is never to capture all of it.
      const cents = random.whole(2, MOST_HELD);
      return { kind: 'write', by: 'createHold', moves: [{ ...debit, cents, expires }] };
    }
    case 'close':
      return closing(round, caller, turn, random);
  }
}

/**
 * @param {string} key
 * @param {Random} random
 * @param {(key: string, type: Move['type']) => Move} move
 */
function severalMoves(key, random, move) {
  const moves = Array.from({ length: random.whole(2, 4) }, (_, index) =>
    move(`${key}-${index}`, random.pick(/** @type {const} */ (['credit', 'debit']))),
  );
  const [payer, payee] = moves;
  if (moves.length === 2 && payer !== undefined && payee !== undefined) {
    // A transfer, which moves nothing in sum.
    Object.assign(payer, { type: 'debit' });
    Object.assign(payee, { type: 'credit', cents: payer.cents });
  }
  return moves;
}

/**
 * Closes a hold that somebody of the group has made a moment ago, or will make soon.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @param {Random} random
 * @returns {CloseCall}
 */
function closing(round, caller, turn, random) {
  const key = `${round.name}-key-${caller}-${turn}`;
  const { hold, cents } = someHold(round, caller, turn, random);
  const users = [0, 1, 2].map((index) => userName(round, caller % round.groups, index));
  const close = /** @type {const} */ ({ kind: 'close', key, hold, users });
  const how = random.fraction();
  if (how < 0.3) {
    return { ...close, by: 'captureHold' };
  }
  if (how < 0.6) {
    return { ...close, by: 'captureHold', cents: random.whole(1, cents - 1) };
  }
  if (how < 0.65) {
    // More than it has, also where it has a little more than it was to have.
    return { ...close, by: 'captureHold', cents: cents + random.whole(2, 5000) };
  }
  const isAsSweeper = random.fraction() < SHARE_AS_SWEEPER;
  return { ...close, by: 'releaseHold', key: isAsSweeper ? `${hold}${BY_SWEEPER}` : key };
}

/**
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @param {Random} random
 */
function someHold(round, caller, turn, random) {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { maker, at } = neighbour(round, caller, turn - 1, random);
    if (kindOf(round, maker, at) === 'hold') {
      const request = original(round, maker, at);
      const [move] = request.kind === 'write' ? request.moves : [];
      if (move !== undefined) {
        return { hold: move.key, cents: move.cents };
      }
    }
  }
  return { hold: `${round.name}-no-hold`, cents: 1000 };
}

/**
 * A turn, a moment ago or soon, of a caller of the same group.
 *
 * @param {Round} round
 * @param {number} caller
 * @param {number} turn
 * @param {Random} random
 */
function neighbour(round, caller, turn, random) {
  const neighbours = Math.ceil((round.callers - (caller % round.groups)) / round.groups);
  const maker = (caller % round.groups) + round.groups * random.whole(0, neighbours - 1);
  return { maker, at: Math.max(0, turn + random.whole(-REACH, 1)) };
}

/**
 * Nearly the same request.
 *
 * @param {WriteCall | CloseCall} call
 * @param {Random} random
 * @param {(index: number) => string} user
 * @returns {WriteCall | CloseCall}
 */
function altered(call, random, user) {
  if (call.kind === 'close') {
    const { cents: _, ...rest } = call;
    return random.pick([
      { ...rest, by: 'releaseHold' },
      { ...rest, by: 'captureHold' },
      { ...rest, by: 'captureHold', cents: 1 },
      { ...call, key: `${call.key}-again` },
    ]);
  }
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
  if (call.by === 'createHold') {
    // A credit is no hold, and the same debit without a hold is another request.
    const plain = changed.map(({ expires: _, ...move }) => move);
    const isHold = changed.every(({ type }) => type === 'debit') && random.fraction() < 0.7;
    return { ...call, ...(isHold ? { moves: changed } : { by: 'transact', moves: plain }) };
  }
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
      return { kind: 'read', by, user: String(usersOfCall(own)[0]) };
    }
    if (kind < 0.75) {
      return own;
    }
    const { maker, at } = neighbour(round, caller, turn, random);
    const repeated = original(round, maker, at);
    if (kind < 0.82) {
      return { kind: 'lookup', key: random.pick(keysOf(repeated)) };
    }
    if (kind < 0.93) {
      return repeated;
    }
    return altered(repeated, random, (index) => userName(round, caller % round.groups, index));
  });
}
