// Clients for the tests of applications. Their tables are in memory, within the native core; all else is what
// runs against DynamoDB.

const { BalanceClient, BalanceError } = require('./client.js');
const { toAuditReport, toTransaction } = require('./answers.js');
const binding = require('./binding.js');

const { hasOwnProperty: isOwn } = Object.prototype;

const RETRYABLE = new Map(binding.errorCodes().map(({ code, retryable }) => [code, retryable]));

const OPERATIONS = [
  'getCurrentBalance',
  'transact',
  'getBalance',
  'getTransaction',
  'createTransaction',
  'createTransactions',
  'createHold',
  'captureHold',
  'releaseHold',
  'listHolds',
  'releaseExpiredHolds',
  'listTransactions',
  'iterateTransactions',
  'createTables',
];

// What callers may match on, and what says more than the code.
const MESSAGES = {
  DUPLICATE_TRANSACTION: (key) =>
    `Duplicate transaction: This idempotentKey has already been used.${key}`,
  INSUFFICIENT_BALANCE: () => 'Insufficient balance: Cannot process debit transaction.',
  NOTHING_HAPPENED: () =>
    'Nothing happened: no answer came, as scripted. No money moved; it is safe to call again.',
  OUTCOME_UNKNOWN: () =>
    'Outcome unknown: no answer came, as scripted. Money may or may not have moved: call again with the same idempotentKey to find out. It cannot be applied twice.',
};

// A call with it is checked like any other, and ends before it leaves.
const ABORTED = { aborted: true, addEventListener() {}, removeEventListener() {} };

// Two tables in memory, and what is scripted for the calls of all their clients.
class Tables {
  native = new binding.NativeTables();
  outcomes = [];
}

class TestClient extends BalanceClient {
  #tables;
  #native;

  constructor(options = {}) {
    const { balances, transactions, now, tablesOf, ...others } = checkOptions(options);
    // The tables ask for none.
    delete others.credentials;
    const tables = tablesOf === undefined ? new Tables() : tablesOf.#tables;
    let native;
    super(others, (clientOptions, deliver) => {
      native = binding.openClientInMemory(tables.native, clientOptions, deliver);
      return native;
    });
    this.#tables = tables;
    this.#native = native;
    if (now !== undefined) {
      this.setTime(now);
    }
    this.#putTransactions(transactions ?? []);
    this.#putBalances(balances ?? {});
  }

  now() {
    return new Date(this.#tables.native.now());
  }

  setTime(time) {
    settle(this.#tables.native.stopClockAt(milliseconds(time)));
  }

  advanceTime(passed) {
    settle(this.#tables.native.advanceClock(passed));
  }

  transactions() {
    return this.#tables.native.transactions().map(toTransaction);
  }

  audit() {
    return toAuditReport(this.#native.auditInMemory());
  }

  scriptOutcome(outcome) {
    this.#tables.outcomes.push(checkOutcome(outcome));
  }

  unusedOutcomes() {
    return [...this.#tables.outcomes];
  }

  async getCurrentBalance(input, options) {
    return await this.#play('getCurrentBalance', input, options, (its) =>
      super.getCurrentBalance(input, its),
    );
  }

  async transact(input, options) {
    await this.#play('transact', input, options, (its) => super.transact(input, its));
  }

  async getBalance(input, options) {
    return await this.#play('getBalance', input, options, (its) => super.getBalance(input, its));
  }

  async getTransaction(input, options) {
    return await this.#play('getTransaction', input, options, (its) =>
      super.getTransaction(input, its),
    );
  }

  async createTransaction(input, options) {
    return await this.#play('createTransaction', input, options, (its) =>
      super.createTransaction(input, its),
    );
  }

  async createTransactions(input, options) {
    return await this.#play('createTransactions', input, options, (its) =>
      super.createTransactions(input, its),
    );
  }

  async createHold(input, options) {
    return await this.#play('createHold', input, options, (its) => super.createHold(input, its));
  }

  async captureHold(input, options) {
    return await this.#play('captureHold', input, options, (its) => super.captureHold(input, its));
  }

  async releaseHold(input, options) {
    return await this.#play('releaseHold', input, options, (its) => super.releaseHold(input, its));
  }

  async listHolds(input, options) {
    return await this.#play('listHolds', input, options, (its) => super.listHolds(input, its));
  }

  async releaseExpiredHolds(input, options) {
    return await this.#play('releaseExpiredHolds', input, options, (its) =>
      super.releaseExpiredHolds(input, its),
    );
  }

  async listTransactions(input, options) {
    return await this.#play('listTransactions', input, options, (its) =>
      super.listTransactions(input, its),
    );
  }

  async *iterateTransactions(input, options) {
    const outcome = this.#take('iterateTransactions', input);
    if (outcome !== undefined && !outcome.tookEffect) {
      throw scripted(outcome, input);
    }
    yield* super.iterateTransactions(input, options);
    if (outcome !== undefined) {
      throw scripted(outcome, input);
    }
  }

  async createTables(options) {
    // It has no signal: without effect, nothing is to be done.
    await this.#play('createTables', options, undefined, async (its) => {
      if (its?.signal !== ABORTED) {
        await super.createTables(options);
      }
    });
  }

  // Carries a call out as it is, or as it is scripted. A call that is refused for another reason, such as bad
  // input, leaves the scripted outcome for the next one.
  async #play(operation, input, options, call) {
    const outcome = this.#take(operation, input);
    if (outcome === undefined) {
      return await call(options);
    }
    try {
      await call(outcome.tookEffect ? options : { signal: ABORTED });
    } catch (error) {
      if (outcome.tookEffect || !isCancelled(error)) {
        this.#tables.outcomes.unshift(outcome);
        throw error;
      }
    }
    throw scripted(outcome, input);
  }

  #take(operation, input) {
    const { outcomes } = this.#tables;
    const found = outcomes.findIndex((outcome) => isFor(outcome, operation, input));
    return found === -1 ? undefined : outcomes.splice(found, 1)[0];
  }

  #putTransactions(transactions) {
    transactions.forEach((transaction, index) => {
      const { idempotentKey, userId, amount, type, metadata, timestamp } = transaction;
      const exact = typeof amount === 'bigint' ? String(amount) : amount;
      const pairs = metadata === undefined ? undefined : Object.entries(metadata);
      const time = timestamp === undefined ? this.#tables.native.now() : milliseconds(timestamp);
      settle(
        this.#native.putTransaction([idempotentKey, userId, exact, type, pairs], time),
        `transactions[${index}]: `,
      );
    });
  }

  #putBalances(balances) {
    for (const [userId, balance] of Object.entries(balances)) {
      const exact = typeof balance === 'bigint' ? String(balance) : balance;
      settle(this.#tables.native.putBalance(userId, exact));
    }
  }
}

function createTestClient(options) {
  return new TestClient(options);
}

// In the place of the whole package: what an application imports of it. Clients that name the same tables share them.
function createTestModule(options) {
  const testClient = new TestClient(options);
  const clients = new Map([[tableNames(options), testClient]]);
  class BalanceClientInMemory extends TestClient {
    constructor(its) {
      const names = tableNames(its);
      super({ tablesOf: clients.get(names), ...its });
      clients.set(names, clients.get(names) ?? this);
    }
  }
  return {
    getCurrentBalance: async (input) => await testClient.getCurrentBalance(input),
    transact: async (input) => await testClient.transact(input),
    BalanceClient: BalanceClientInMemory,
    BalanceError,
    testClient,
  };
}

function tableNames(options) {
  const { balancesTable, transactionsTable } = Object(options);
  return JSON.stringify([balancesTable ?? 'UserBalances', transactionsTable ?? 'Transactions']);
}

function checkOptions(options) {
  if (options === null || typeof options !== 'object') {
    throw invalid('INVALID_OPTION', 'Invalid option: options must be an object');
  }
  const { balances, transactions, tablesOf } = options;
  if (balances !== undefined && (balances === null || typeof balances !== 'object')) {
    throw invalid('INVALID_OPTION', 'Invalid option: balances must be an object of balances');
  }
  if (transactions !== undefined && !Array.isArray(transactions)) {
    throw invalid('INVALID_OPTION', 'Invalid option: transactions must be an array');
  }
  if (tablesOf !== undefined && !(tablesOf instanceof TestClient)) {
    throw invalid('INVALID_OPTION', 'Invalid option: tablesOf must be a test client');
  }
  return options;
}

function checkOutcome(outcome) {
  const { code, tookEffect = false, operation, when, message } = Object(outcome);
  if (!RETRYABLE.has(code)) {
    const known = [...RETRYABLE.keys()].join(', ');
    throw invalid('INVALID_INPUT', `Invalid input: code must be one of ${known}.`);
  }
  if (typeof tookEffect !== 'boolean') {
    throw invalid('INVALID_INPUT', 'Invalid input: tookEffect must be true or false.');
  }
  if (operation !== undefined && !OPERATIONS.includes(operation)) {
    const complaint = `Invalid input: operation must be one of ${OPERATIONS.join(', ')}.`;
    throw invalid('INVALID_INPUT', complaint);
  }
  if (when !== undefined && typeof when !== 'function') {
    throw invalid('INVALID_INPUT', 'Invalid input: when must be a function.');
  }
  if (message !== undefined && typeof message !== 'string') {
    throw invalid('INVALID_INPUT', 'Invalid input: message must be a string.');
  }
  return { code, tookEffect, operation, when, message };
}

function isFor({ operation: wanted, when }, operation, input) {
  const isOperation = wanted === undefined || wanted === operation;
  return isOperation && (when === undefined || Boolean(when({ operation, input })));
}

function scripted({ code, tookEffect, message }, input) {
  return new BalanceError({
    code,
    message: message ?? usualMessage(code, tookEffect, input),
    retryable: RETRYABLE.get(code),
  });
}

function usualMessage(code, tookEffect, input) {
  if (isOwn.call(MESSAGES, code)) {
    return MESSAGES[code](input?.idempotentKey);
  }
  const effect = tookEffect ? 'The call took effect.' : 'Nothing was changed.';
  return `${words(code)}, as scripted. ${effect}`;
}

// Hold captured, for HOLD_CAPTURED.
function words(code) {
  const text = code.toLowerCase().replace(/_/g, ' ');
  return text[0].toUpperCase() + text.slice(1);
}

function isCancelled({ code, message }) {
  return code === 'NOTHING_HAPPENED' && message.includes(': the call was cancelled.');
}

// Of a Date of any realm; whatever else it is, the native core refuses it.
function milliseconds(date) {
  try {
    return Date.prototype.getTime.call(date);
  } catch {
    return undefined;
  }
}

function settle(failure, where = '') {
  if (failure !== null && failure !== undefined) {
    throw new BalanceError({ ...failure, message: `${where}${failure.message}` });
  }
}

function invalid(code, message) {
  return new BalanceError({ code, message, retryable: RETRYABLE.get(code) });
}

module.exports = { createTestClient, createTestModule, BalanceError, TestClient };
