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

import { Books } from './books.mjs';
import { describe, hasTakenEffect, keysOf, meaning, usersOfCall } from './history.mjs';

/** @typedef {import('./history.mjs').Call} Call */
/** @typedef {import('./history.mjs').Operation} Operation */
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
    const effect = effectOf(call);
    if (answer.code === 'CONFIRMED') {
      confirmed.add(effect);
    }
    const earlier = recorders.get(effect);
    if (
      isUnknown(operation) &&
      hasTakenEffect(call, recordOf) &&
      (earlier === undefined || operation.invoked < earlier.invoked)
    ) {
      recorders.set(effect, operation);
    }
  }
  return operations.filter((operation) => {
    const effect = effectOf(operation.call);
    return !isUnknown(operation) || (!confirmed.has(effect) && recorders.get(effect) === operation);
  });
}

/**
 * What happens once at most: that something is recorded under a key, or that a hold is closed.
 *
 * @param {Call} call
 */
function effectOf(call) {
  return call.kind === 'close' ? `end of ${call.hold}` : `record of ${keysOf(call)[0]}`;
}

class Search {
  #entries;
  #books;
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
    this.#books = new Books(openings);
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
        ({ isEffect, operation }) => isEffect && this.#books.allows(operation),
      );
      this.#note(next);
      for (const entry of this.#likeliestFirst(candidates, next)) {
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
   * Above all those after which the next answer is true: most often a single call whose outcome is
   * unknown explains it, and many are waiting. Then by deadline.
   *
   * @param {Entry[]} candidates
   * @param {Entry} next
   */
  #likeliestFirst(candidates, next) {
    const explaining = new Set(candidates.filter((entry) => this.#explains(entry, next)));
    const rank = (/** @type {Entry} */ entry) => (explaining.has(entry) ? 0 : 1);
    return candidates.sort(
      (left, right) => rank(left) - rank(right) || left.deadline - right.deadline,
    );
  }

  /**
   * @param {Entry} entry
   * @param {Entry} next
   */
  #explains(entry, next) {
    if (entry === next) {
      return true;
    }
    this.#place(entry);
    const isTrue = this.#books.allows(next.operation);
    this.#displace(entry);
    return isTrue;
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
        ({ isEffect, operation }) => !isEffect && this.#books.allows(operation),
      );
      for (const entry of ready) {
        this.#place(entry);
        idle.push(entry);
      }
      isMore = ready.length > 0;
    }
    return idle;
  }

  /** @param {Entry} entry */
  #place(entry) {
    this.#mark(entry, true);
    if (entry.isEffect) {
      this.#books.apply(entry.operation.call, String(entry.index));
    }
  }

  /** @param {Entry} entry */
  #displace(entry) {
    this.#mark(entry, false);
    if (entry.isEffect) {
      this.#books.revert(entry.operation.call);
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
   * Remembers where the search got furthest, to tell why it failed.
   *
   * @param {Entry} next
   */
  #note(next) {
    const placed = this.#entries.length - this.#required;
    if (placed > this.#most) {
      this.#most = placed;
      const balances = [...new Set(usersOfCall(next.operation.call))].map((user) => {
        return `${user} has ${(this.#books.balance(user) / 100).toFixed(2)}`;
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

/** @param {Call} call */
function namesOf(call) {
  return [
    ...usersOfCall(call).map((user) => `user ${user}`),
    ...keysOf(call).map((key) => `key ${key}`),
  ];
}
