// Clients. Values go to the native core as they come; what comes back is plain data, and errors are built
// here, where the caller's stack and the caller's `Error` class are at hand.

// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:timers.
const { setInterval } = require('timers');

const { toHold, toPage, toTransaction } = require('./answers.js');
const binding = require('./binding.js');
const { operations, tell } = require('./tracing.js');

// All but `credentials`, which JavaScript looks at itself.
const OPTIONS = [
  'region',
  'endpoint',
  'profile',
  'balancesTable',
  'transactionsTable',
  'defaultBalance',
  'consistentRead',
  'connectTimeout',
  'attemptTimeout',
  'callTimeout',
  'customUserAgent',
];

const NOTHING_HAPPENED = 'Nothing happened.';
const MONEY_MAY_HAVE_MOVED = 'Money may have moved: call again with the same idempotentKey.';

// How many expired holds a sweep releases at once: nearly as fast as all of a page (on DynamoDB Local, with and without
// 20 ms of latency, for one user and for 60), and within the deadline of a call down to some 10 releases a second.
const RELEASES_AT_ONCE = 256;

const CLOSED_BY_OTHERS = ['HOLD_CAPTURED', 'HOLD_RELEASED', 'HOLD_NOT_FOUND'];

const LISTING = ['userId', 'from', 'to', 'order', 'limit', 'cursor'];

const { hasOwnProperty: isOwn } = Object.prototype;
const { getTime } = Date.prototype;

// How deep classes are looked through for a property, where Object.prototype has one of that name.
const MAX_CLASSES = 100;

// A group is refused for its length before more than this many of its transactions are read.
const MAX_TRANSACTIONS = 99;

// Errors that may pass, by the names that the AWS SDK for JavaScript has for them and the codes that Node has.
const PASSING = [
  'TimeoutError',
  'RequestTimeout',
  'RequestTimeoutException',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
];

// How deep the causes of an error are looked through.
const MAX_CAUSES = 10;

// How many errors of a credentials function are kept for those whose calls they ended.
const MAX_KEPT_FAILURES = 16;

// Errors that this package made. `instanceof` will not do: it throws on a revoked proxy.
const made = new WeakSet();

class BalanceError extends Error {
  constructor(failure) {
    super(failure.message);
    this.code = failure.code;
    this.retryable = failure.retryable;
    for (const name of ['available', 'index', '$metadata']) {
      const value = pick(failure, name);
      if (value !== undefined) {
        this[name] = value;
      }
    }
    const cause = pick(failure, 'cause');
    if (cause !== undefined) {
      // As the Error constructor sets it on runtimes that know the option `cause`.
      define(this, 'cause', cause);
    }
    made.add(this);
  }
}

define(BalanceError.prototype, 'name', 'BalanceError');

class BalanceClient {
  #native;
  #credentials;
  #calls = new Calls();
  #isFlushing = false;
  #isInLambda = Boolean(process.env.AWS_LAMBDA_FUNCTION_NAME);
  #trace;
  #tablesBeingMade = new Set();
  #isClosed = false;
  #closing;

  // `open` is not for callers: testing.js opens tables in memory.
  constructor(options = {}, open = openOnDynamoDb) {
    if (options === null || typeof options !== 'object') {
      throw invalidOption('options must be an object');
    }
    try {
      this.#credentials = new CredentialsOption(
        pick(options, 'credentials'),
        pick(options, 'profile'),
      );
      this.#native = this.#settle(
        open(plainOptions(options), this.#calls.deliver, this.#credentials.source),
      );
    } catch (error) {
      throw made.has(error) ? error : invalidOption('reading the options threw an error', error);
    }
  }

  async getCurrentBalance(input, options) {
    return await this.#observe(operations.getCurrentBalance, input, (operation) =>
      this.#getCurrentBalance(input, options, operation),
    );
  }

  async #getCurrentBalance(input, options, operation) {
    const { userId } = read(input, (fields) => ({ userId: pick(fields, 'userId') }));
    const cancellation = watch(options);
    try {
      return await this.#call(operation, cancellation, (number) =>
        this.#native.getCurrentBalance(number, userId),
      );
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async transact(input, options) {
    return await this.#observe(operations.transact, input, (operation) =>
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
      await this.#call(operation, cancellation, (number) =>
        this.#native.transact(number, idempotentKey, userId, amount, type),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async getBalance(input, options) {
    return await this.#observe(operations.getBalance, input, (operation) =>
      this.#getBalance(input, options, operation),
    );
  }

  async #getBalance(input, options, operation) {
    const { userId } = read(input, (fields) => ({ userId: pick(fields, 'userId') }));
    const cancellation = watch(options);
    try {
      return await this.#call(operation, cancellation, (number) =>
        this.#native.getBalance(number, userId),
      );
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async getTransaction(input, options) {
    return await this.#observe(operations.getTransaction, input, (operation) =>
      this.#getTransaction(input, options, operation),
    );
  }

  async #getTransaction(input, options, operation) {
    const { idempotentKey } = read(input, (fields) => ({
      idempotentKey: pick(fields, 'idempotentKey'),
    }));
    const cancellation = watch(options);
    try {
      const { transactions } = await this.#call(operation, cancellation, (number) =>
        this.#native.getTransaction(number, idempotentKey),
      );
      return transactions.map(toTransaction)[0];
    } catch (error) {
      throw known(error, NOTHING_HAPPENED);
    }
  }

  async createTransaction(input, options) {
    return await this.#observe(operations.createTransaction, input, (operation) =>
      this.#createTransaction(input, options, operation),
    );
  }

  async #createTransaction(input, options, operation) {
    const fields = read(input, transactionFields);
    const cancellation = watch(options);
    try {
      const { transactions, replayed } = await this.#call(operation, cancellation, (number) =>
        this.#native.createTransaction(number, fields),
      );
      return { transaction: transactions.map(toTransaction)[0], replayed };
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async createTransactions(input, options) {
    return await this.#observe(operations.createTransactions, input, (operation) =>
      this.#createTransactions(input, options, operation),
    );
  }

  async #createTransactions(input, options, operation) {
    const { count, list } = read(input, groupFields);
    const cancellation = watch(options);
    try {
      const { transactions, replayed } = await this.#call(operation, cancellation, (number) =>
        this.#native.createTransactions(number, count, list),
      );
      return { transactions: transactions.map(toTransaction), replayed };
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async createHold(input, options) {
    return await this.#observe(operations.createHold, input, (operation) =>
      this.#createHold(input, options, operation),
    );
  }

  async #createHold(input, options, operation) {
    const { fields, expiresAt } = read(input, holdFields);
    const cancellation = watch(options);
    try {
      return toHold(
        await this.#call(operation, cancellation, (number) =>
          this.#native.createHold(number, fields, expiresAt),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async captureHold(input, options) {
    return await this.#observe(operations.captureHold, input, (operation) =>
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
        await this.#call(operation, cancellation, (number) =>
          this.#native.captureHold(number, idempotentKey, hold, amount),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async releaseHold(input, options) {
    return await this.#observe(operations.releaseHold, input, (operation) =>
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
        await this.#call(operation, cancellation, (number) =>
          this.#native.releaseHold(number, idempotentKey, hold),
        ),
      );
    } catch (error) {
      throw known(error, MONEY_MAY_HAVE_MOVED);
    }
  }

  async listHolds(input, options) {
    return await this.#observe(operations.listHolds, input, (operation) =>
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
      await this.#page(operation, options, (number) =>
        this.#native.listHolds(number, userId, limit, cursor),
      ),
    );
    return { holds, ...rest };
  }

  async releaseExpiredHolds(input, options) {
    return await this.#observe(operations.releaseExpiredHolds, input, (operation) =>
      this.#releaseExpiredHolds(input, options, operation),
    );
  }

  async #releaseExpiredHolds(input, options, operation) {
    const onProgress = read(input, (fields) => progressFunction(pick(fields, 'onProgress')));
    const swept = { released: 0, failures: [] };
    let after;
    do {
      const page = plain(
        await this.#page(operation, options, (number) =>
          this.#native.listExpiredHolds(number, after),
        ),
      );
      await this.#sweep(page.holds, swept, options, operation, onProgress);
      after = page.next;
    } while (after !== undefined);
    return swept;
  }

  // A page has thousands of holds, and the deadline of a call begins when it is accepted.
  async #sweep(holds, swept, options, operation, onProgress) {
    const waiting = holds.map(({ idempotentKey }) => idempotentKey).reverse();
    const tell = () => onProgress?.({ released: swept.released, failed: swept.failures.length });
    const releaseOneByOne = async () => {
      while (waiting.length > 0) {
        await this.#releaseExpired(waiting.pop(), swept, options, operation);
        tell();
      }
    };
    try {
      tell();
      await Promise.all(Array.from({ length: RELEASES_AT_ONCE }, releaseOneByOne));
    } finally {
      // Where onProgress throws, nothing further is released.
      waiting.length = 0;
    }
  }

  // Whoever else has captured or released it was faster, which is fine.
  async #releaseExpired(hold, swept, options, operation) {
    const cancellation = watch(options);
    try {
      const { replayed } = await this.#call(operation, cancellation, (number) =>
        this.#native.releaseExpiredHold(number, hold),
      );
      swept.released += replayed ? 0 : 1;
    } catch (error) {
      if (!CLOSED_BY_OTHERS.includes(error?.code)) {
        swept.failures.push({ hold, error: known(error, MONEY_MAY_HAVE_MOVED) });
      }
    }
  }

  async listTransactions(input, options) {
    return await this.#observe(operations.listTransactions, input, (operation) =>
      this.#listTransactions(input, options, operation),
    );
  }

  async #listTransactions(input, options, operation) {
    return await this.#list(read(input, listingFields), options, operation);
  }

  async *iterateTransactions(input, options) {
    const listing = read(input, listingFields);
    do {
      const page = await this.#observe(operations.listTransactions, { ...listing }, (operation) =>
        this.#list(listing, options, operation),
      );
      const { transactions, cursor } = plain(page);
      yield* transactions;
      listing.cursor = cursor;
    } while (listing.cursor !== undefined);
  }

  async #list(listing, options, operation) {
    return toPage(
      await this.#page(operation, options, (number) =>
        this.#native.listTransactions(number, listing),
      ),
    );
  }

  async #page(operation, options, begin) {
    const cancellation = watch(options);
    try {
      return await this.#call(operation, cancellation, begin, (number) =>
        this.#native.cancelListing(number),
      );
    } catch (error) {
      throw known(error, 'Nothing was changed.');
    }
  }

  stats() {
    return this.#native.statistics();
  }

  async close() {
    this.#isClosed = true;
    this.#closing = this.#closing ?? this.#end();
    await this.#closing;
  }

  async #end() {
    const close = () => this.#calls.begin((number) => this.#native.close(number));
    await Promise.all([close(), ...this.#tablesBeingMade]);
    // What was answered together with it gets to its callers first: answers that come later come in
    // a later turn. (A timer would say so as well, but tests replace those.)
    await close();
    this.#native.release();
  }

  async createTables(options) {
    return await this.#observe(operations.createTables, options, () => this.#createTables(options));
  }

  async #createTables(options) {
    const { names, history, holds } = tablesOptions(options);
    if (this.#isClosed) {
      throw clientClosed();
    }
    const outcome = this.#calls.begin((number) =>
      this.#native.createTables(number, names, history, holds),
    );
    this.#tablesBeingMade.add(outcome);
    try {
      this.#settle(await outcome);
    } catch (error) {
      throw known(error, 'Tables may have been made: call again.');
    } finally {
      this.#tablesBeingMade.delete(outcome);
    }
  }

  // Awaits here, in a method that the caller awaits: an error that is made afterwards has a stack
  // that leads to the caller.
  async #call(operation, cancellation, begin, cancel = (number) => this.#native.cancel(number)) {
    if (this.#isInLambda) {
      this.#passTrace();
    }
    const submit = operation === undefined ? begin : this.#observed(operation, begin);
    if (cancellation === undefined) {
      return this.#settle(await this.#calls.begin(submit, this.#flush));
    }
    const outcome = this.#calls.begin((number) => {
      const failure = submit(number);
      cancellation.start(() => cancel(number));
      return failure;
    }, this.#flush);
    try {
      return this.#settle(await outcome, cancellation);
    } finally {
      cancellation.stop();
    }
  }

  // What nobody has subscribed to costs a look at that.
  #observe(channel, input, work) {
    if (!channel.hasSubscribers) {
      return work();
    }
    return channel.trace(input, this.#native.tables(), work);
  }

  // The native core notes down what becomes of a call from before it is made.
  #observed(operation, begin) {
    return (number) => {
      this.#native.observe(number);
      const failure = begin(number);
      if (isFailure(failure)) {
        this.#native.disregard(number);
      } else {
        this.#calls.observe(number, operation);
      }
      return failure;
    };
  }

  // In AWS Lambda each invocation has a trace of its own, which the environment names.
  #passTrace() {
    const { _X_AMZN_TRACE_ID: value } = process.env;
    const trace = typeof value === 'string' ? value : undefined;
    if (trace !== this.#trace) {
      this.#trace = trace;
      this.#native.setTrace(trace);
    }
  }

  // Calls made in one go leave together, as soon as JavaScript has nothing else to do.
  #flush = () => {
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      void Promise.resolve().then(() => {
        this.#isFlushing = false;
        this.#native.flush();
      });
    }
  };

  #settle(outcome, cancellation) {
    if (!isFailure(outcome)) {
      return outcome;
    }
    throw new BalanceError(plain({ ...outcome, cause: this.#cause(outcome, cancellation) }));
  }

  // What JavaScript knows of a cause is more than what the native core does.
  #cause(outcome, cancellation) {
    const cause = pick(outcome, 'cause');
    if (cause === undefined) {
      // Whatever ended in another way was not ended by the signal, aborted or not.
      return outcome.message.includes(': the call was cancelled.')
        ? cancellation?.reason()
        : undefined;
    }
    const thrown = this.#credentials.failureBehind(cause.message);
    if (thrown !== undefined) {
      return thrown.error;
    }
    return Object.assign(new Error(cause.message), { name: cause.name });
  }
}

// Node 18.18 and others have the symbol.
if (Symbol.asyncDispose !== undefined) {
  define(BalanceClient.prototype, Symbol.asyncDispose, function asyncDispose() {
    return this.close();
  });
}

// A getter may throw, and so may a revoked proxy.
function read(input, readFields) {
  try {
    return readFields(input === undefined || input === null ? {} : input);
  } catch (cause) {
    if (made.has(cause)) {
      throw cause;
    }
    throw new BalanceError({
      code: 'INVALID_INPUT',
      message: 'Invalid input: reading it threw an error. Nothing happened.',
      retryable: false,
      cause,
    });
  }
}

// What the native core takes of a transaction: key, user, amount, type, metadata.
function transactionFields(transaction) {
  return [
    pick(transaction, 'idempotentKey'),
    pick(transaction, 'userId'),
    exact(pick(transaction, 'amount')),
    pick(transaction, 'type'),
    metadataOf(pick(transaction, 'metadata')),
  ];
}

function holdFields(input) {
  const fields = transactionFields({
    idempotentKey: pick(input, 'idempotentKey'),
    userId: pick(input, 'userId'),
    amount: pick(input, 'amount'),
    type: 'debit',
    metadata: pick(input, 'metadata'),
  });
  return { fields, expiresAt: milliseconds('expiresAt', pick(input, 'expiresAt')) };
}

// Whole numbers have the same digits either way.
function exact(amount) {
  return typeof amount === 'bigint' ? String(amount) : amount;
}

function progressFunction(onProgress) {
  if (onProgress === undefined || typeof onProgress === 'function') {
    return onProgress;
  }
  throw new BalanceError({
    code: 'INVALID_INPUT',
    message: `Invalid input: onProgress must be a function, not ${kindOf(onProgress)}. Nothing was sent.`,
    retryable: false,
  });
}

// Names with their values; or, where it is no object, what it is.
function metadataOf(metadata) {
  if (metadata === undefined) {
    return undefined;
  }
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) {
    return kindOf(metadata);
  }
  return Object.entries(metadata);
}

function kindOf(value) {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function groupFields(input) {
  const transactions = pick(input, 'transactions');
  if (!Array.isArray(transactions)) {
    throw new BalanceError({
      code: 'INVALID_TRANSACTIONS',
      message: `Invalid input: transactions must be an array, not ${kindOf(transactions)}.`,
      retryable: false,
    });
  }
  const list = Array.from(transactions.slice(0, MAX_TRANSACTIONS), (transaction) =>
    transactionFields(transaction ?? {}),
  );
  return { count: transactions.length, list };
}

function listingFields(input) {
  const fields = plain({});
  for (const name of LISTING) {
    fields[name] = pick(input, name);
  }
  fields.from = milliseconds('from', fields.from);
  fields.to = milliseconds('to', fields.to);
  return fields;
}

// Of a Date of any realm, which the native core could not tell from another object.
function milliseconds(name, date) {
  if (date === undefined) {
    return undefined;
  }
  try {
    return getTime.call(date);
  } catch {
    throw new BalanceError({
      code: 'INVALID_INPUT',
      message: `Invalid input: ${name} must be a Date. Nothing was sent.`,
      retryable: false,
    });
  }
}

// Credentials as the native core takes them: checked data, or a function that never rejects. Apart
// from the client, which could otherwise never be collected: the native core holds the function.
class CredentialsOption {
  source;
  #failures = new Map();
  #lastFailure = 0;

  constructor(credentials, profile) {
    if (typeof credentials === 'function') {
      this.source = (region) => this.#ask(credentials, callerContext(region, profile));
    } else if (credentials !== undefined) {
      this.source = checkCredentials(credentials);
    }
  }

  async #ask(credentials, context) {
    try {
      return plain({ credentials: checkCredentials(await credentials(context)) });
    } catch (error) {
      return plain({ complaint: this.#remember(error), mayPass: mayPass(error) });
    }
  }

  // The error itself cannot pass through the native core; words with its number can.
  #remember(error) {
    this.#lastFailure += 1;
    this.#failures.set(this.#lastFailure, { error });
    this.#failures.delete(this.#lastFailure - MAX_KEPT_FAILURES);
    return `the credentials function failed (failure ${this.#lastFailure})`;
  }

  failureBehind(complaint) {
    const [, number] = /the credentials function failed \(failure (\d+)\)/.exec(complaint) ?? [];
    return this.#failures.get(Number(number));
  }
}

// What the AWS SDK for JavaScript tells a provider.
function callerContext(region, profile) {
  const callerClientConfig = { region: async () => region };
  return {
    callerClientConfig:
      profile === undefined ? callerClientConfig : { ...callerClientConfig, profile },
  };
}

// Whether the reason of a failure may pass, as far as the error says so. It can be anything, and reading it may
// throw.
function mayPass(error) {
  try {
    let current = error;
    for (let depth = 0; depth < MAX_CAUSES && isObject(current); depth += 1) {
      if (saysThatItMayPass(current)) {
        return true;
      }
      current = pick(current, 'cause');
    }
  } catch {}
  return false;
}

function saysThatItMayPass(error) {
  const status = pick(error, '$metadata')?.httpStatusCode;
  return (
    pick(error, 'retryable') === true ||
    isObject(pick(error, '$retryable')) ||
    pick(error, '$fault') === 'server' ||
    status === 429 ||
    status >= 500 ||
    PASSING.includes(pick(error, 'name')) ||
    PASSING.includes(pick(error, 'code'))
  );
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function checkCredentials(credentials) {
  if (credentials === null || typeof credentials !== 'object') {
    throw invalidOption('credentials must be an object or a function that returns one');
  }
  const expiration = pick(credentials, 'expiration');
  // A Date of any realm; whatever else it is, the native core refuses it by its type.
  const isDate = typeof expiration?.getTime === 'function';
  const checked = binding.checkCredentials(
    pick(credentials, 'accessKeyId'),
    pick(credentials, 'secretAccessKey'),
    pick(credentials, 'sessionToken'),
    isDate ? expiration.getTime() : expiration,
  );
  if (isFailure(checked)) {
    throw new BalanceError(checked);
  }
  return plain(checked);
}

function openOnDynamoDb(options, deliver, credentials) {
  return binding.openClient(options, environment(), deliver, credentials);
}

// Options as the native core takes them, with the names of those that there are not, to be refused.
function plainOptions(options) {
  const taken = plain({});
  for (const name of namesOf(options)) {
    taken[name] = undefined;
  }
  for (const name of OPTIONS) {
    const value = pick(options, name);
    if (value !== undefined) {
      taken[name] = value;
    }
  }
  if (isUrl(taken.endpoint)) {
    taken.endpoint = taken.endpoint.href;
  }
  return taken;
}

// A URL of any realm, which the native core could not tell from another object.
function isUrl(value) {
  return Object.prototype.toString.call(value) === '[object URL]';
}

// All names that were given, those that a class gives included.
function namesOf(options) {
  const names = [];
  for (const name in options) {
    if (!(name in Object.prototype) || isOwn.call(options, name)) {
      names.push(name);
    }
  }
  return names;
}

// The options of createTables, with the names of those that there are not, to be refused.
function tablesOptions(options = {}) {
  if (options === null || typeof options !== 'object') {
    throw invalidOption('the options of createTables must be an object');
  }
  try {
    return {
      names: namesOf(options),
      history: pick(options, 'history'),
      holds: pick(options, 'holds'),
    };
  } catch (error) {
    throw invalidOption('reading the options of createTables threw an error', error);
  }
}

// process.env can be a plain object, in Jest for one, and then keeps whatever is assigned. Numbers
// and booleans become text, as in the real one; what else there is, `undefined` and `null` included,
// is not set.
function environment() {
  const variables = plain({});
  for (const [name, value] of Object.entries(process.env)) {
    if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
      variables[name] = String(value);
    }
  }
  return variables;
}

// A property that the object or its class has. What somebody has put on Object.prototype is nobody's
// option, and nobody's money.
function pick(object, name) {
  if (!(name in Object.prototype)) {
    return object[name];
  }
  let holder = object;
  for (let depth = 0; depth < MAX_CLASSES && holder !== null; depth += 1) {
    if (holder === Object.prototype) {
      return undefined;
    }
    if (isOwn.call(holder, name)) {
      return object[name];
    }
    holder = Object.getPrototypeOf(holder);
  }
  return undefined;
}

// Without a prototype: whoever reads it finds what was put there and nothing else.
function plain(properties) {
  return Object.assign(Object.create(null), properties);
}

function define(object, name, value) {
  Object.defineProperty(object, name, plain({ value, writable: true, configurable: true }));
}

function clientClosed() {
  return new BalanceError({
    code: 'CLIENT_CLOSED',
    message: 'Client closed: close() was called on this client. Nothing happened; make a new one.',
    retryable: false,
  });
}

function invalidOption(complaint, cause) {
  return new BalanceError({
    code: 'INVALID_OPTION',
    message: `Invalid option: ${complaint}`,
    retryable: false,
    cause,
  });
}

function isFailure(outcome) {
  return typeof outcome === 'object' && outcome !== null && isOwn.call(outcome, 'code');
}

// Passes the caller's AbortSignal on. It cannot leave this thread; a call's number can.
function watch(options) {
  if (options === undefined) {
    return undefined;
  }
  try {
    const signal = pick(options, 'signal');
    return signal === undefined ? undefined : new Cancellation(signal);
  } catch (error) {
    throw invalidOption('signal must be an AbortSignal', error);
  }
}

class Cancellation {
  #signal;
  #subscription;
  #isAborted;
  #cancel;

  constructor(signal) {
    this.#signal = signal;
    this.#subscription = Subscription.to(signal);
    this.#subscription.add(this);
    try {
      this.#isAborted = signal.aborted || this.#isAborted;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  start(cancel) {
    this.#cancel = cancel;
    if (this.#isAborted) {
      cancel();
    }
  }

  note() {
    this.#isAborted = true;
    this.#cancel?.();
  }

  stop() {
    this.#subscription.remove(this);
  }

  reason() {
    try {
      return this.#signal.aborted ? this.#signal.reason : undefined;
    } catch {
      return undefined;
    }
  }
}

// The one listener on a signal, for all the calls that were given it: a server may well pass one to
// a thousand calls, and Node takes more than ten listeners for a leak.
class Subscription {
  static #current = new WeakMap();

  #signal;
  #cancellations = new Set();
  #tell = () => {
    for (const cancellation of [...this.#cancellations]) {
      cancellation.note();
    }
  };

  constructor(signal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#tell);
  }

  static to(signal) {
    const current = Subscription.#current.get(signal) ?? new Subscription(signal);
    Subscription.#current.set(signal, current);
    return current;
  }

  add(cancellation) {
    this.#cancellations.add(cancellation);
  }

  remove(cancellation) {
    this.#cancellations.delete(cancellation);
    if (this.#cancellations.size > 0) {
      return;
    }
    Subscription.#current.delete(this.#signal);
    // What only looks like a signal must not spoil the answer.
    try {
      this.#signal.removeEventListener('abort', this.#tell);
    } catch {}
  }
}

// While it is referenced, Node does not exit.
const keepAlive = openKeepAlive();
keepAlive.unref();
let underWay = 0;

// A timer that never fires in practice; or, where tests had put fake timers in place before this
// package was loaded, which keep nothing alive, a port that never gets a message.
function openKeepAlive() {
  // Sinon, Vitest and Jest leave their clock at the function; node:test gives it another name.
  const isFake = setInterval.clock !== undefined || setInterval.name !== 'setInterval';
  if (!isFake) {
    return setInterval(() => {}, 2 ** 31 - 1);
  }
  // biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:worker_threads.
  const { MessageChannel } = require('worker_threads');
  return new MessageChannel().port1.on('message', () => {});
}

// The calls of a client that wait for their outcome. Apart from the client, which could otherwise
// never be collected: the native core holds `deliver`.
class Calls {
  #waiting = new Map();
  #observed = new Map();
  #last = 0;

  // Hands a call with a number of its own to the native core, which answers it at once, with a
  // failure, or later through `deliver`.
  begin(submit, onAccepted) {
    return new Promise((resolve) => {
      this.#last += 1;
      const failure = submit(this.#last);
      if (isFailure(failure)) {
        resolve(failure);
        return;
      }
      this.#waiting.set(this.#last, resolve);
      underWay += 1;
      if (underWay === 1) {
        keepAlive.ref();
      }
      onAccepted?.();
    });
  }

  observe(number, operation) {
    this.#observed.set(number, operation);
  }

  deliver = (numbers, outcomes, notes) => {
    if (notes !== null) {
      tell(notes, this.#observed);
    }
    for (let index = 0; index < numbers.length; index += 1) {
      const number = numbers[index];
      this.#waiting.get(number)(outcomes[index]);
      this.#waiting.delete(number);
      this.#observed.delete(number);
    }
    underWay -= numbers.length;
    if (underWay === 0) {
      keepAlive.unref();
    }
  };
}

// The native core answers every call. If it rejects one, that is a defect of this package.
function known(error, advice) {
  return made.has(error)
    ? error
    : new BalanceError({
        code: 'INTERNAL_ERROR',
        message: `Internal error: ${error?.message}. ${advice}`,
        retryable: false,
        cause: error,
      });
}

module.exports = { BalanceClient, BalanceError };
