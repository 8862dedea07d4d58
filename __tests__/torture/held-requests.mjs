// Requests that the proxy keeps when their caller has given them up, and delivers at a moment at
// which they do the most harm: after a call with the same key was refused, as soon as the balance
// has gone up.

import { setTimeout as sleep } from 'node:timers/promises';

/** How long somebody may wait for a release before it happens, in milliseconds. */
const TICK = 5;

/**
 * What a transaction is about.
 *
 * @typedef {{ user: string | undefined, keys: string[], token: string | undefined,
 *   isCredit: boolean }} Subject
 */

/**
 * @typedef {object} HeldRequest
 * @property {Subject} subject
 * @property {boolean} isRefused whether another request with its key was refused since
 * @property {() => void} release
 */

export class HeldRequests {
  /** @type {Set<HeldRequest>} */
  #requests = new Set();
  /** @type {Set<string>} */
  #tokens = new Set();

  /** How many are kept now. */
  get size() {
    return this.#requests.size;
  }

  /** The users whom they are about. */
  get users() {
    return [...new Set([...this.#requests].flatMap(({ subject }) => subject.user ?? []))];
  }

  /** The keys that they have. */
  get keys() {
    return [...new Set([...this.#requests].flatMap(({ subject }) => subject.keys))];
  }

  /**
   * Whether a request repeats one that is or was kept: then its call hears nothing till its end.
   *
   * @param {Subject} subject
   */
  hasKept({ token }) {
    return token !== undefined && this.#tokens.has(token);
  }

  /**
   * Keeps a request; settles at the moment to deliver it.
   *
   * @param {Subject} subject
   * @returns {Promise<void>}
   */
  async keep(subject) {
    if (subject.token !== undefined) {
      this.#tokens.add(subject.token);
    }
    await new Promise((resolve) => {
      const request = {
        subject,
        isRefused: false,
        release: () => {
          this.#requests.delete(request);
          resolve(undefined);
        },
      };
      this.#requests.add(request);
    });
  }

  /**
   * Takes in what became of another transaction.
   *
   * @param {Subject} subject
   * @param {boolean} isCommitted
   */
  learn(subject, isCommitted) {
    for (const request of this.#requests) {
      const { user, keys } = request.subject;
      if (user !== subject.user) {
        continue;
      }
      if (!isCommitted && keys.some((key) => subject.keys.includes(key))) {
        request.isRefused = true;
      }
      if (isCommitted && subject.isCredit && request.isRefused) {
        request.release();
      }
    }
  }

  /** Lets all go. */
  async flush() {
    while (this.#requests.size > 0) {
      for (const { release } of this.#requests) {
        release();
      }
      await sleep(TICK);
    }
  }
}
