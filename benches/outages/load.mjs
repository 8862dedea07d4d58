// The processes that call while something breaks, and what they saw.

import { fork } from 'node:child_process';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./load.cjs').Work} Work */
/** @typedef {import('./load.cjs').Call} Call */
/** @typedef {Work['peer']} PeerName */

export const PROGRAM = fileURLToPath(new URL('load.cjs', import.meta.url));

/** @type {PeerName[]} */
export const PEERS = ['package', 'sdk'];

/** Nothing of the machine's own settings, for all programs. */
const SETTINGS = {
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

for (const name of Object.keys(process.env)) {
  if (/^AWS_|_proxy$/i.test(name)) {
    delete process.env[name];
  }
}
Object.assign(process.env, SETTINGS);

/** Milliseconds by the monotonic clock, which all processes share. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** A peer under load. */
export class Load {
  /** @type {Call[]} */
  calls = [];
  #program;
  #callers;

  /**
   * @param {Work} work
   * @param {object} [settings]
   * @param {Record<string, string>} [settings.environment]
   * @param {(path: string) => import('node:child_process').ChildProcess} [settings.start] how to
   *   start a program where it has to run
   */
  constructor(work, { environment = {}, start } = {}) {
    this.#callers = work.users.length;
    this.#program =
      start === undefined
        ? fork(PROGRAM, { env: { ...process.env, ...environment } })
        : start(PROGRAM);
    this.#program.on('message', (/** @type {Call[]} */ calls) => {
      this.calls.push(...calls);
    });
    this.#program.send(work);
  }

  /** @param {'rest' | 'go on'} command */
  tell(command) {
    this.#program.send(command);
  }

  /** Waits until every caller has been answered once. */
  async untilWarm() {
    while (!this.#haveAllSucceeded(0)) {
      await sleep(20);
    }
  }

  /**
   * Waits until every caller has succeeded since an instant, but not for ever.
   *
   * @param {number} since
   * @param {number} longest in milliseconds
   */
  async untilServed(since, longest) {
    while (!this.#haveAllSucceeded(since) && now() < since + longest) {
      await sleep(50);
    }
  }

  /** @param {number} since */
  #haveAllSucceeded(since) {
    return this.recovery(since).served !== undefined;
  }

  /**
   * When the first caller, and when the last one, had a success again: milliseconds after an
   * instant. And which calls failed.
   *
   * @param {number} since
   */
  recovery(since) {
    /** @type {Map<number, number>} */
    const first = new Map();
    for (const { caller, ended, code } of this.calls) {
      if (code === 'OK' && ended >= since && !first.has(caller)) {
        first.set(caller, ended - since);
      }
    }
    const times = [...first.values()];
    return {
      first: times.length === 0 ? undefined : Math.min(...times),
      served: times.length < this.#callers ? undefined : Math.max(...times),
      failed: this.calls.filter(({ code }) => code !== 'OK'),
    };
  }

  stop() {
    this.#program.kill('SIGKILL');
  }
}
