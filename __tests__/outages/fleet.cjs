// A process that makes calls, from where it was started.

const { once } = require('node:events');

/** @typedef {import('./caller.cjs').Outcome} Outcome */

class Caller {
  #process;
  #calls = 0;
  /** @type {Map<number, (outcome: Outcome) => void>} */
  #waiting = new Map();

  /**
   * @param {import('node:child_process').ChildProcess} program running caller.cjs
   * @param {import('../../index.js').BalanceClientOptions} options
   */
  constructor(program, options) {
    this.#process = program;
    program.on('message', (/** @type {Outcome} */ outcome) => {
      this.#waiting.get(outcome.id)?.(outcome);
      this.#waiting.delete(outcome.id);
    });
    program.send({ options });
  }

  /** @param {import('../../index.js').TransactInput} input */
  async transact(input) {
    return (await this.#call('transact', input)).code;
  }

  /** @param {string} userId */
  async balance(userId) {
    return (await this.#call('getCurrentBalance', { userId })).value;
  }

  /** Ends the process without a chance to do anything more. */
  async kill() {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  /**
   * @param {'transact' | 'getCurrentBalance'} method
   * @param {object} input
   * @returns {Promise<Outcome>}
   */
  #call(method, input) {
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#process.send({ id, method, input });
    });
  }
}

module.exports = { Caller };
