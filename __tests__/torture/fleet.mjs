// The worker processes.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./worker.mjs').Task} Task */
/** @typedef {import('./worker.mjs').Report} Report */
/** @typedef {import('./history.mjs').Operation} Operation */

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));

/** What the AWS chain of a worker finds, and nothing of the machine's own. */
const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
};

/** A worker process. */
export class Worker {
  #child = fork(WORKER, { env: { ...process.env, ...ENVIRONMENT } });
  /** @type {(operation: Operation, caller: number) => void} */
  #hear = () => {};
  #finish = () => {};
  /** @type {(error: Error) => void} */
  #fail = () => {};

  constructor() {
    this.#child.on('message', (/** @type {Report} */ report) => {
      if ('operation' in report) {
        this.#hear(report.operation, report.caller);
      } else {
        this.#finish();
      }
    });
    this.#child.on('exit', (code, signal) => {
      this.#fail(new Error(`a worker ended with ${signal ?? code}`));
    });
    /** Settles when the process hears tasks. */
    this.ready = this.#done();
  }

  /**
   * Carries out a task. Rejects if the process ends before.
   *
   * @param {Task} task
   * @param {(operation: Operation, caller: number) => void} hear
   */
  async carryOut(task, hear) {
    this.#hear = hear;
    const done = this.#done();
    this.#child.send(task);
    await done;
  }

  /** @returns {Promise<void>} */
  async #done() {
    await new Promise((resolve, reject) => {
      this.#finish = () => resolve(undefined);
      this.#fail = reject;
    });
  }

  /**
   * Without a chance to say goodbye. What it said before is still heard.
   */
  async kill() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      // The channel ends when everything that was said has been heard.
      const ended = Promise.all([once(this.#child, 'exit'), once(this.#child, 'disconnect')]);
      this.#child.kill('SIGKILL');
      await ended;
    }
  }
}
