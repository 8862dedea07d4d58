// Faults that last for a while, where those of faults.mjs are met by single requests. Each round
// draws which of them there are.

import { chance, Random } from './random.mjs';

/** Users whose requests all hang at the start of a round, those of the others do not. */
export const HANGING_USERS = 'hanging users';
/** Every connection that is open goes silent, again and again; new ones work. */
export const DEAD_CONNECTIONS = 'dead connections';
/** What a connection brings stays in the kernel for a while, whatever becomes of its sender. */
export const UNREAD_CONNECTIONS = 'unread connections';
/** The service's clock is another one, and refuses signatures that are off by it. */
export const CLOCK_SKEW = 'clock skew';
/** Credentials come from a function that takes its time, and expire after seconds. */
export const SLOW_CREDENTIALS = 'slow credentials';
/** The same, and sometimes it takes longer than a call. */
export const HANGING_CREDENTIALS = 'hanging credentials';

export const CONDITIONS = [
  HANGING_USERS,
  DEAD_CONNECTIONS,
  UNREAD_CONNECTIONS,
  CLOCK_SKEW,
  SLOW_CREDENTIALS,
  HANGING_CREDENTIALS,
];

const SHARE_OF_USERS = 1 / 3;
/** For how long users hang, in milliseconds. */
const HANG = 3000;
/** How often open connections go silent, in milliseconds. */
const LIFE_OF_CONNECTION = 250;
const SHARE_UNREAD = 0.3;
const MINUTE = 60_000;
/** How old or young a signature may be, as AWS documents it. */
const TOLERANCE = 5 * MINUTE;

/**
 * The conditions of a round.
 *
 * @param {number | string} seed
 * @param {string} round
 * @param {number} share of the rounds that have each of them
 * @param {string} [only] the one fault there is
 */
export function conditionsOf(seed, round, share, only) {
  const names = CONDITIONS.filter((name) =>
    only === undefined ? chance(seed, round, name) < share : name === only,
  );
  return new Conditions(seed, round, new Set(names));
}

export class Conditions {
  #seed;
  #round;
  #began = performance.now();
  #names;

  /**
   * @param {number | string} seed
   * @param {string} round
   * @param {Set<string>} names
   */
  constructor(seed, round, names) {
    this.#seed = seed;
    this.#round = round;
    this.#names = names;
  }

  /**
   * How callers come by their credentials.
   *
   * @returns {'given' | 'slow' | 'hanging'}
   */
  get credentials() {
    if (this.#names.has(HANGING_CREDENTIALS)) {
      return 'hanging';
    }
    return this.#names.has(SLOW_CREDENTIALS) ? 'slow' : 'given';
  }

  /**
   * For how many milliseconds a request about these users hangs from now on.
   *
   * @param {string[]} users
   */
  hang(users) {
    const rest = this.#began + HANG - performance.now();
    const isHanging = users.some(
      (user) => chance(this.#seed, 'hanging user', user) < SHARE_OF_USERS,
    );
    return this.#names.has(HANGING_USERS) && rest > 0 && isHanging ? rest : 0;
  }

  /**
   * Whether a connection that was opened at an instant has gone silent.
   *
   * @param {number} opened
   */
  isDead(opened) {
    const lives = Math.floor((performance.now() - this.#began) / LIFE_OF_CONNECTION);
    return this.#names.has(DEAD_CONNECTIONS) && opened < this.#began + lives * LIFE_OF_CONNECTION;
  }

  /**
   * For how many milliseconds nobody reads from the connection with this number.
   *
   * @param {number} number
   * @param {number} longest
   */
  unread(number, longest) {
    return this.#names.has(UNREAD_CONNECTIONS) &&
      chance(this.#seed, 'unread', number) < SHARE_UNREAD
      ? new Random(this.#seed, 'unread for', number).whole(1, longest)
      : 0;
  }

  /** How far ahead the service's clock is, in milliseconds. */
  get ahead() {
    if (!this.#names.has(CLOCK_SKEW)) {
      return 0;
    }
    const random = new Random(this.#seed, this.#round, 'ahead');
    return random.pick([-1, 1]) * random.whole(10, 60) * MINUTE;
  }

  /**
   * Whether the service refuses a signature of this time, as it stands in `X-Amz-Date`.
   *
   * @param {string} signed
   */
  isRefused(signed) {
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signed) ?? [];
    const instant = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    return this.#names.has(CLOCK_SKEW) && !(Math.abs(instant - this.now) <= TOLERANCE);
  }

  /** The service's time, in milliseconds since 1970. */
  get now() {
    return Date.now() + this.ahead;
  }
}
