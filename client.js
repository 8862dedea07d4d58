// Clients. Values go to the native core as they come; what comes back is plain data, and errors are built
// here, where the caller's stack and the caller's `Error` class are at hand.

const { toHold, toPage, toTransaction } = require('./answers.js');
const binding = require('./binding.js');
const { watch } = require('./client/cancellation.js');
const { Core } = require('./client/core.js');
const {
  BalanceError,
  MONEY_MAY_HAVE_MOVED,
  NOTHING_HAPPENED,
  invalidOption,
  isOurs,
  known,
} = require('./client/errors.js');
const {
  exact,
  groupFields,
  holdFields,
  listingFields,
  progressFunction,
  read,
  transactionFields,
} = require('./client/input.js');
const { environment } = require('./client/options.js');
const { define, pick, plain } = require('./client/properties.js');
const { Sweep } = require('./client/sweep.js');
const { operations } = require('./tracing.js');

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

  async getCurrentBalance(input, options) {
    return await this.#core.observe(operations.getCurrentBalance, input, (operation) =>
      this.#getCurrentBalance(input, options, operation),
    );
  }

  async #getCurrentBalance(input, options, operation) {
    const { userId } = read(input, (fields) => ({ userId: pick(fields, 'userId') }));
    const cancellation = watch(options);
    try {
      return await this.#core.call(operation, cancellation, (native, number) =>
        native.getCurrentBalance(number, userId),
      );
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async transact(input, options) {
    return await this.#core.observe(operations.transact, input, (operation) =>
      this.#transact(input, options, operation),
    );
  }

  async #transact(input, options, operation) {
    const { idempotentKey, userId, amount, type } = read(input, (fields) => ({
      idempotentKey: pick(fields, 'idempotentKey'),
      userId: pick(fields, 'userId'),
      amount: pick(fields, 'amount'),
      type: pick(fields, 'type'),
    }));
    const cancellation = watch(options);
    try {
      await this.#core.call(operation, cancellation, (native, number) =>
        native.transact(number, idempotentKey, userId, amount, type),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async getBalance(input, options) {
    return await this.#core.observe(operations.getBalance, input, (operation) =>
      this.#getBalance(input, options, operation),
    );
  }

  async #getBalance(input, options, operation) {
    const { userId } = read(input, (fields) => ({ userId: pick(fields, 'userId') }));
    const cancellation = watch(options);
    try {
      return await this.#core.call(operation, cancellation, (native, number) =>
        native.getBalance(number, userId),
      );
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async getTransaction(input, options) {
    return await this.#core.observe(operations.getTransaction, input, (operation) =>
      this.#getTransaction(input, options, operation),
    );
  }

  async #getTransaction(input, options, operation) {
    const { idempotentKey } = read(input, (fields) => ({
      idempotentKey: pick(fields, 'idempotentKey'),
    }));
    const cancellation = watch(options);
    try {
      const { transactions } = await this.#core.call(operation, cancellation, (native, number) =>
        native.getTransaction(number, idempotentKey),
      );
      return transactions.map(toTransaction)[0];
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async createTransaction(input, options) {
    return await this.#core.observe(operations.createTransaction, input, (operation) =>
      this.#createTransaction(input, options, operation),
    );
  }

  async #createTransaction(input, options, operation) {
    const fields = read(input, transactionFields);
    const cancellation = watch(options);
    try {
      const { transactions, replayed } = await this.#core.call(
        operation,
        cancellation,
        (native, number) => native.createTransaction(number, fields),
      );
      return { transaction: transactions.map(toTransaction)[0], replayed };
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async createTransactions(input, options) {
    return await this.#core.observe(operations.createTransactions, input, (operation) =>
      this.#createTransactions(input, options, operation),
    );
  }

  async #createTransactions(input, options, operation) {
    const { count, list } = read(input, groupFields);
    const cancellation = watch(options);
    try {
      const { transactions, replayed } = await this.#core.call(
        operation,
        cancellation,
        (native, number) => native.createTransactions(number, count, list),
      );
      return { transactions: transactions.map(toTransaction), replayed };
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async createHold(input, options) {
    return await this.#core.observe(operations.createHold, input, (operation) =>
      this.#createHold(input, options, operation),
    );
  }

  async #createHold(input, options, operation) {
    const { fields, expiresAt } = read(input, holdFields);
    const cancellation = watch(options);
    try {
      return toHold(
        await this.#core.call(operation, cancellation, (native, number) =>
          native.createHold(number, fields, expiresAt),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async captureHold(input, options) {
    return await this.#core.observe(operations.captureHold, input, (operation) =>
      this.#captureHold(input, options, operation),
    );
  }

  async #captureHold(input, options, operation) {
    const { idempotentKey, hold, amount } = read(input, (fields) => ({
      idempotentKey: pick(fields, 'idempotentKey'),
      hold: pick(fields, 'hold'),
      amount: exact(pick(fields, 'amount')),
    }));
    const cancellation = watch(options);
    try {
      return toHold(
        await this.#core.call(operation, cancellation, (native, number) =>
          native.captureHold(number, idempotentKey, hold, amount),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async releaseHold(input, options) {
    return await this.#core.observe(operations.releaseHold, input, (operation) =>
      this.#releaseHold(input, options, operation),
    );
  }

  async #releaseHold(input, options, operation) {
    const { idempotentKey, hold } = read(input, (fields) => ({
      idempotentKey: pick(fields, 'idempotentKey'),
      hold: pick(fields, 'hold'),
    }));
    const cancellation = watch(options);
    try {
      return toHold(
        await this.#core.call(operation, cancellation, (native, number) =>
          native.releaseHold(number, idempotentKey, hold),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async listHolds(input, options) {
    return await this.#core.observe(operations.listHolds, input, (operation) =>
      this.#listHolds(input, options, operation),
    );
  }

  async #listHolds(input, options, operation) {
    const { userId, limit, cursor } = read(input, (fields) => ({
      userId: pick(fields, 'userId'),
      limit: pick(fields, 'limit'),
      cursor: pick(fields, 'cursor'),
    }));
    const { transactions: holds, ...rest } = toPage(
      await this.#core.page(operation, options, (native, number) =>
        native.listHolds(number, userId, limit, cursor),
      ),
    );
    return { holds, ...rest };
  }

  async releaseExpiredHolds(input, options) {
    return await this.#core.observe(operations.releaseExpiredHolds, input, (operation) =>
      this.#releaseExpiredHolds(input, options, operation),
    );
  }

  async #releaseExpiredHolds(input, options, operation) {
    const onProgress = read(input, progressFunction);
    return await new Sweep(this.#core, operation, options, onProgress).run();
  }

  async listTransactions(input, options) {
    return await this.#core.observe(operations.listTransactions, input, (operation) =>
      this.#listTransactions(input, options, operation),
    );
  }

  async #listTransactions(input, options, operation) {
    return await this.#list(read(input, listingFields), options, operation);
  }

  async *iterateTransactions(input, options) {
    const listing = read(input, listingFields);
    do {
      const page = await this.#core.observe(
        operations.listTransactions,
        { ...listing },
        (operation) => this.#list(listing, options, operation),
      );
      const { transactions, cursor } = plain(page);
      yield* transactions;
      listing.cursor = cursor;
    } while (listing.cursor !== undefined);
  }

  async #list(listing, options, operation) {
    return toPage(
      await this.#core.page(operation, options, (native, number) =>
        native.listTransactions(number, listing),
      ),
    );
  }

  async createTables(options) {
    return await this.#core.observe(operations.createTables, options, () =>
      this.#core.createTables(options),
    );
  }

  stats() {
    return this.#core.statistics();
  }

  async close() {
    await this.#core.close();
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
