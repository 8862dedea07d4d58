// Linearizability: is there an order of the calls, each at an instant between its invocation and
// its answer, in which a ledger that does one call at a time would have given these answers?
//
// The search is the one of Wing and Gong with Lowe's memoization, as in Porcupine. The npm registry
// has no checker that is maintained; Knossos wants a JVM with Clojure and Porcupine wants Go, each a
// toolchain more for everybody who runs the tests. Three properties of ledgers keep it cheap:
//
// - Users who share no key, not even indirectly, are checked on their own (P-compositionality).
// - A call that changes nothing can take its place as soon as its answer is true: that takes
//   nothing from the others.
// - The call that was answered first must be placed before all that were invoked after its answer,
//   and until then only those matter that touch its user or its key, or those of one that matters.
//   The others commute with it and can come later.

import { DEFAULT_BALANCE, toCents } from './cents.mjs';
import {
  describe,
  isReplay,
  isSameRequest,
  keysOf,
  meaning,
  movesOf,
  usersOfCall,
} from './history.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').Move} Move */
/** @typedef {import('./history.mjs').Recorded} Recorded */

/**
 * @typedef {{ verdict: 'linearizable' | 'undecided', operations: number }
 *   | { verdict: 'not linearizable', operations: number, why: string }} Judgement
 */

/** Steps after which a search gives up. Never reached by far in practice. */
const MOST_STEPS = 2_000_000;

/**
 * Judges each group of users that keys connect.
 *
 * @param {Operation[]} operations
 * @param {(key: string) => Recorded | undefined} [recordOf] what the
 *   tables held in the end. Records are never removed, which tells of each unknown outcome whether
 *   it took effect. Without it, each may or may not have.
 * @param {import('./cents.mjs').Openings} [openings]
 * @returns {Judgement[]}
 */
export function checkLinearizability(operations, recordOf, openings = new Map()) {
  return components(operations.filter(({ answer }) => meaning(answer) !== 'nothing')).map(
    (component) => new Search(entriesOf(component, recordOf), openings).run(),
  );
}

/**
 * @param {Operation[]} operations
 * @returns {Operation[][]}
 */
function components(operations) {
  /** @type {Map<string, string>} */
  const parents = new Map();
  /** @type {(node: string) => string} */
  const rootOf = (node) => {
    const parent = parents.get(node) ?? node;
    if (parent === node) {
      return node;
    }
    const root = rootOf(parent);
    parents.set(node, root);
    return root;
  };
  for (const { call } of operations) {
    const [first = '', ...others] = namesOf(call);
    for (const name of others) {
      parents.set(rootOf(name), rootOf(first));
    }
  }
  return groupBy(operations, ({ call }) => rootOf(String(namesOf(call)[0])));
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => string} nameOf
 * @returns {T[][]}
 */
function groupBy(items, nameOf) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const item of items) {
    const name = nameOf(item);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups.values()];
}

/**
 * An operation as the search sees it. `deadline`: placed before anything that was invoked later.
 * An outcome that is unknown has no deadline, and if `isOptional` it need not be placed at all.
 *
 * @typedef {{ operation: Operation, invoked: number, deadline: number, isEffect: boolean,
 *   isOptional: boolean, isPlaced: boolean, index: number }} Entry
 */

/**
 * @param {Operation[]} operations
 * @param {Parameters<typeof checkLinearizability>[1]} recordOf
 */
function entriesOf(operations, recordOf) {
  const isUnknown = (/** @type {Operation} */ { answer }) => meaning(answer) === 'unknown';
  const kept =
    recordOf === undefined ? operations : withoutEffectless(operations, isUnknown, recordOf);
  return kept
    .map((operation) => ({
      operation,
      invoked: operation.invoked,
      deadline: isUnknown(operation) ? Number.POSITIVE_INFINITY : operation.answered,
      isEffect: isUnknown(operation) || operation.answer.code === 'CONFIRMED',
      isOptional: isUnknown(operation) && recordOf === undefined,
      isPlaced: false,
    }))
    .sort((left, right) => left.invoked - right.invoked)
    .map((entry, index) => ({ ...entry, index }));
}

/**
 * Drops the unknown outcomes that cannot have had an effect: another request is recorded under
 * their key, or none, or a call that was confirmed recorded it. Of several that can have recorded
 * it, the one invoked first could have done so whenever another could.
 *
 * @param {Operation[]} operations
 * @param {(operation: Operation) => boolean} isUnknown
 * @param {NonNullable<Parameters<typeof checkLinearizability>[1]>} recordOf
 */
function withoutEffectless(operations, isUnknown, recordOf) {
  /** @type {Set<string>} */
  const confirmed = new Set();
  /** @type {Map<string, Operation>} */
  const recorders = new Map();
  for (const operation of operations) {
    const { call, answer } = operation;
    const [key] = call.kind === 'write' ? keysOf(call) : [];
    if (key === undefined) {
      continue;
    }
    if (answer.code === 'CONFIRMED') {
      confirmed.add(key);
    }
    const earlier = recorders.get(key);
    if (
      isUnknown(operation) &&
      hasRecorded(movesOf(call), recordOf) &&
      (earlier === undefined || operation.invoked < earlier.invoked)
    ) {
      recorders.set(key, operation);
    }
  }
  return operations.filter((operation) => {
    const key = String(keysOf(operation.call)[0]);
    return !isUnknown(operation) || (!confirmed.has(key) && recorders.get(key) === operation);
  });
}

/**
 * Whether some movements can be what wrote the records under their keys.
 *
 * @param {Move[]} moves
 * @param {NonNullable<Parameters<typeof checkLinearizability>[1]>} recordOf
 */
function hasRecorded(moves, recordOf) {
  const records = moves.map(({ key }) => recordOf(key));
  return (
    moves.length > 0 &&
    isReplay(moves, records) &&
    records.every((record) => record?.group.size === moves.length)
  );
}

class Search {
  #entries;
  /** @type {Map<string, number>} */
  #balances;
  /** @type {Map<string, Recorded>} */
  #records = new Map();
  /** Which operations have been placed, 32 to a word. */
  #placed;
  /** @type {Set<string>} */
  #seen = new Set();
  #first = 0;
  #required;
  #steps = 0;
  #most = -1;
  #stuck = '';

  /**
   * @param {Entry[]} entries by invocation
   * @param {import('./cents.mjs').Openings} openings
   */
  constructor(entries, openings) {
    this.#entries = entries;
    this.#balances = new Map(openings);
    this.#placed = new Uint32Array(Math.ceil(entries.length / 32));
    this.#required = entries.filter(({ isOptional }) => !isOptional).length;
  }

  /** @returns {Judgement} */
  run() {
    const operations = this.#entries.length;
    if (this.#explore()) {
      return { verdict: 'linearizable', operations };
    }
    return this.#steps > MOST_STEPS
      ? { verdict: 'undecided', operations }
      : { verdict: 'not linearizable', operations, why: this.#stuck };
  }

  /** @returns {boolean} whether the rest can be placed */
  #explore() {
    const idle = this.#placeIdle();
    if (this.#required === 0) {
      return true;
    }
    this.#steps += 1;
    const state = this.#placed.join();
    if (this.#steps <= MOST_STEPS && !this.#seen.has(state)) {
      this.#seen.add(state);
      const { next, window } = this.#window();
      const candidates = relevant(next, window).filter(
        ({ isEffect, operation }) => isEffect && this.#allows(operation),
      );
      this.#note(next);
      for (const entry of candidates.sort((left, right) => left.deadline - right.deadline)) {
        this.#place(entry);
        if (this.#explore()) {
          return true;
        }
        this.#displace(entry);
      }
    }
    for (const entry of idle.reverse()) {
      this.#displace(entry);
    }
    return false;
  }

  /**
   * What can be placed next: everything that was invoked before the first answer of those not
   * placed. And the one that was answered first.
   */
  #window() {
    while (this.#entries[this.#first]?.isPlaced === true) {
      this.#first += 1;
    }
    /** @type {Entry[]} */
    const window = [];
    /** @type {Entry | undefined} */
    let next;
    for (let index = this.#first; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry === undefined || (next !== undefined && entry.invoked > next.deadline)) {
        break;
      }
      if (!entry.isPlaced) {
        window.push(entry);
        if (!entry.isOptional && (next === undefined || entry.deadline < next.deadline)) {
          next = entry;
        }
      }
    }
    if (next === undefined) {
      throw new Error('nothing is left to place');
    }
    const { deadline } = next;
    return { next, window: window.filter(({ invoked }) => invoked <= deadline) };
  }

  /** Places the calls that changed nothing and whose answers are true now. */
  #placeIdle() {
    /** @type {Entry[]} */
    const idle = [];
    for (let isMore = true; isMore && this.#required > 0; ) {
      const ready = this.#window().window.filter(
        ({ isEffect, operation }) => !isEffect && this.#allows(operation),
      );
      for (const entry of ready) {
        this.#place(entry);
        idle.push(entry);
      }
      isMore = ready.length > 0;
    }
    return idle;
  }

  /**
   * Whether the ledger, as it is now, would answer like this.
   *
   * @param {Operation} operation
   */
  #allows({ call, answer }) {
    if (call.kind === 'read') {
      const balance = this.#balances.get(call.user) ?? DEFAULT_BALANCE;
      return answer.code === 'READ' && toCents(answer.balance ?? '') === balance;
    }
    if (call.kind === 'lookup') {
      const record = this.#records.get(call.key);
      const isSame = record && answer.record ? isSameRequest(answer.record, record) : false;
      return answer.code === 'FOUND' && (record === undefined ? !answer.record : isSame);
    }
    const records = call.moves.map(({ key }) => this.#records.get(key));
    if (records.some((record) => record !== undefined)) {
      const again = call.by === 'transact' ? 'DUPLICATE_TRANSACTION' : 'REPLAYED';
      return answer.code === (isReplay(call.moves, records) ? again : 'IDEMPOTENT_KEY_REUSED');
    }
    const shortages = this.#shortages(call.moves);
    if (shortages.length === 0) {
      return answer.code === 'CONFIRMED' || meaning(answer) === 'unknown';
    }
    // Of several that are not covered any may be named.
    const { index = 0, available } = answer;
    const isTold = (/** @type {{ index: number, left: number }} */ shortage) =>
      shortage.index === index && (available === undefined || toCents(available) === shortage.left);
    return answer.code === 'INSUFFICIENT_BALANCE' && shortages.some(isTold);
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
      const left = balances.get(user) ?? this.#balances.get(user) ?? DEFAULT_BALANCE;
      balances.set(user, left + (type === 'debit' ? -cents : cents));
      return type === 'debit' && left < cents ? [{ index, left }] : [];
    });
  }

  /** @param {Entry} entry */
  #place(entry) {
    this.#mark(entry, true);
    const moves = entry.isEffect ? movesOf(entry.operation.call) : [];
    for (const [index, { key, ...move }] of moves.entries()) {
      const group = { id: String(entry.index), index, size: moves.length };
      this.#records.set(key, { ...move, group });
      this.#move(move, 1);
    }
  }

  /** @param {Entry} entry */
  #displace(entry) {
    this.#mark(entry, false);
    for (const { key, ...move } of entry.isEffect ? movesOf(entry.operation.call) : []) {
      this.#records.delete(key);
      this.#move(move, -1);
    }
  }

  /**
   * @param {Entry} entry
   * @param {boolean} isPlaced
   */
  #mark(entry, isPlaced) {
    entry.isPlaced = isPlaced;
    const word = Math.floor(entry.index / 32);
    this.#placed[word] = (this.#placed[word] ?? 0) ^ (1 << (entry.index % 32));
    if (!entry.isOptional) {
      this.#required += isPlaced ? -1 : 1;
    }
    if (!isPlaced) {
      this.#first = Math.min(this.#first, entry.index);
    }
  }

  /**
   * @param {Omit<Move, 'key'>} move
   * @param {1 | -1} direction
   */
  #move({ user, cents, type }, direction) {
    const balance = this.#balances.get(user) ?? DEFAULT_BALANCE;
    this.#balances.set(user, balance + direction * (type === 'debit' ? -cents : cents));
  }

  /**
   * Remembers where the search got furthest, to tell why it failed.
   *
   * @param {Entry} next
   */
  #note(next) {
    const placed = this.#entries.length - this.#required;
    if (placed > this.#most) {
      this.#most = placed;
      const balances = [...new Set(usersOfCall(next.operation.call))].map((user) => {
        const balance = (this.#balances.get(user) ?? DEFAULT_BALANCE) / 100;
        return `${user} has ${balance.toFixed(2)}`;
      });
      this.#stuck = `no order explains ${describe(next.operation)} (with ${placed} calls placed before it, ${balances.join(', ')})`;
    }
  }
}

/**
 * Those of the window that must be considered before `next` is placed: they touch its user or its
 * key, or those of one that must be considered.
 *
 * @param {Entry} next
 * @param {Entry[]} window
 */
function relevant(next, window) {
  const names = new Set(namesOf(next.operation.call));
  let rest = window;
  /** @type {Entry[]} */
  const found = [];
  for (let isMore = true; isMore; ) {
    const touching = rest.filter(({ operation }) =>
      namesOf(operation.call).some((name) => names.has(name)),
    );
    rest = rest.filter((entry) => !touching.includes(entry));
    found.push(...touching);
    for (const name of touching.flatMap(({ operation }) => namesOf(operation.call))) {
      names.add(name);
    }
    isMore = touching.length > 0;
  }
  return found;
}

/** @param {import('./history.mjs').Call} call */
function namesOf(call) {
  return [
    ...usersOfCall(call).map((user) => `user ${user}`),
    ...keysOf(call).map((key) => `key ${key}`),
  ];
}
