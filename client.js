// Clients. Values go to the native core as they come; what comes back is plain data, and errors are built
// here, where the caller's stack and the caller's `Error` class are at hand.

const binding = require('./binding.js');
const { Core } = require('./client/core.js');
const { BalanceError, invalidOption, isOurs } = require('./client/errors.js');
const { listingFields, progressFunction, read } = require('./client/input.js');
const { operations, pageOfTransactions } = require('./client/operations.js');
const { environment } = require('./client/options.js');
const { define, plain } = require('./client/properties.js');
const { Sweep } = require('./client/sweep.js');
const { channels } = require('./tracing.js');

class BalanceClient {
  #core;

  // `open` is not for callers: testing.js opens tables in memory.
  constructor(options = {}, open = openOnDynamoDb) {
    if (options === null || typeof options !== 'object') {
      throw invalidOption('options must be an object');
    }
    try {
      this.#core = new Core(options, open);
    } catch (error) {
      throw isOurs(error) ? error : invalidOption('reading the options threw an error', error);
    }
  }

  getCurrentBalance(input, options) {
    return BalanceClient.#run(this, operations.getCurrentBalance, input, options);
  }

  transact(input, options) {
    return BalanceClient.#run(this, operations.transact, input, options);
  }

  getBalance(input, options) {
    return BalanceClient.#run(this, operations.getBalance, input, options);
  }

  getTransaction(input, options) {
    return BalanceClient.#run(this, operations.getTransaction, input, options);
  }

  createTransaction(input, options) {
    return BalanceClient.#run(this, operations.createTransaction, input, options);
  }

  createTransactions(input, options) {
    return BalanceClient.#run(this, operations.createTransactions, input, options);
  }

  createHold(input, options) {
    return BalanceClient.#run(this, operations.createHold, input, options);
  }

  captureHold(input, options) {
    return BalanceClient.#run(this, operations.captureHold, input, options);
  }

  releaseHold(input, options) {
    return BalanceClient.#run(this, operations.releaseHold, input, options);
  }

  listHolds(input, options) {
    return BalanceClient.#run(this, operations.listHolds, input, options);
  }

  async releaseExpiredHolds(input, options) {
    return await this.#observe(channels.releaseExpiredHolds, input, async (context) => {
      const onProgress = read(input, progressFunction);
      return await new Sweep(this.#core, context, options, onProgress).run();
    });
  }

  listTransactions(input, options) {
    return BalanceClient.#run(this, operations.listTransactions, input, options);
  }

  async *iterateTransactions(input, options) {
    const fields = read(input, listingFields);
    do {
      const page = await this.#core.run(pageOfTransactions, { ...fields }, options);
      const { transactions, cursor } = plain(page);
      yield* transactions;
      fields.cursor = cursor;
    } while (fields.cursor !== undefined);
  }

  async createTables(options) {
    return await this.#observe(channels.createTables, options, () =>
      this.#core.createTables(options),
    );
  }

  stats() {
    return this.#core.statistics();
  }

  async close() {
    await this.#core.close();
  }

  // Whatever is wrong is told by the promise, a method without its client included.
  static #run(client, operation, input, options) {
    try {
      return client.#core.run(operation, input, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #observe(channel, input, work) {
    return channel.hasSubscribers ? this.#core.trace(channel, input, work) : work();
  }
}

// Node 18.18 and others have the symbol.
if (Symbol.asyncDispose !== undefined) {
  define(BalanceClient.prototype, Symbol.asyncDispose, function asyncDispose() {
    return this.close();
  });
}

function openOnDynamoDb(options, deliver, credentials) {
  return binding.openClient(options, environment(), deliver, credentials);
}

module.exports = { BalanceClient, BalanceError };
