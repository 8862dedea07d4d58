// The public face. Values go to the native core as they come; what comes back is plain data, and
// errors are built here, where the caller's stack and the caller's `Error` class are at hand.

// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:timers.
const { setImmediate, setInterval } = require('timers');

const binding = require('./binding.js');

// Errors that this package made. `instanceof` will not do: it throws on a revoked proxy.
const made = new WeakSet();

class BalanceError extends Error {
  constructor({ code, message, retryable, cause }) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    if (cause !== undefined) {
      // As the Error constructor sets it on runtimes that know the option `cause`.
      Object.defineProperty(this, 'cause', { value: cause, writable: true, configurable: true });
    }
    made.add(this);
  }
}

Object.defineProperty(BalanceError.prototype, 'name', {
  value: 'BalanceError',
  writable: true,
  configurable: true,
});

class BalanceClient {
  #native;
  #credentials;
  #calls = new Calls();
  #isFlushing = false;

  constructor(options = {}) {
    if (options === null || typeof options !== 'object') {
      throw invalidOption('options must be an object');
    }
    try {
      this.#credentials = new CredentialsOption(options.credentials);
      this.#native = this.#settle(
        binding.openClient(
          options,
          { ...process.env },
          this.#calls.deliver,
          this.#credentials.source,
        ),
      );
    } catch (error) {
      throw made.has(error) ? error : invalidOption('reading the options threw an error', error);
    }
  }

  async getCurrentBalance(input, options) {
    const { userId } = read(input, (fields) => ({ userId: fields.userId }));
    const cancellation = watch(options);
    try {
      return await this.#call(
        cancellation,
        (number) => this.#native.getCurrentBalance(number, userId),
        (number) => this.#native.cancelRead(number),
      );
    } catch (error) {
      throw known(error, 'Nothing happened.');
    }
  }

  async transact(input, options) {
    const { idempotentKey, userId, amount, type } = read(input, (fields) => ({
      idempotentKey: fields.idempotentKey,
      userId: fields.userId,
      amount: fields.amount,
      type: fields.type,
    }));
    const cancellation = watch(options);
    try {
      await this.#call(
        cancellation,
        (number) => this.#native.transact(number, idempotentKey, userId, amount, type),
        (number) => this.#native.cancelTransaction(number, userId),
      );
    } catch (error) {
      throw known(error, 'Money may have moved: call again with the same idempotentKey.');
    }
  }

  async close() {
    await this.#calls.begin((number) => this.#native.close(number));
    // What was answered together with it gets to its callers first.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  async createTables() {
    try {
      this.#settle(await this.#calls.begin((number) => this.#native.createTables(number)));
    } catch (error) {
      throw known(error, 'Tables may have been made: call again.');
    }
  }

  // Awaits here, in a method that the caller awaits: an error that is made afterwards has a stack
  // that leads to the caller.
  async #call(cancellation, begin, cancel) {
    if (cancellation === undefined) {
      return this.#settle(await this.#calls.begin(begin, this.#flush));
    }
    const outcome = this.#calls.begin((number) => {
      const failure = begin(number);
      cancellation.start(() => cancel(number));
      return failure;
    }, this.#flush);
    try {
      return this.#settle(await outcome, cancellation);
    } finally {
      cancellation.stop();
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
    const { code, message, retryable, cause } = outcome;
    throw new BalanceError({
      code,
      message,
      retryable,
      cause: this.#cause(code, cause, cancellation),
    });
  }

  // What JavaScript knows of a cause is more than what the native core does.
  #cause(code, cause, cancellation) {
    if (code === 'NO_CREDENTIALS' && this.#credentials.failure !== undefined) {
      return this.#credentials.failure;
    }
    if (cause === undefined) {
      return cancellation?.reason();
    }
    return Object.assign(new Error(cause.message), { name: cause.name });
  }
}

let defaultClient;

async function getCurrentBalance(input) {
  return await useDefaultClient().getCurrentBalance(input);
}

async function transact(input) {
  await useDefaultClient().transact(input);
}

function useDefaultClient() {
  if (defaultClient === undefined) {
    defaultClient = new BalanceClient();
  }
  return defaultClient;
}

// A getter may throw, and so may a revoked proxy.
function read(input, readFields) {
  try {
    return readFields(input === undefined || input === null ? {} : input);
  } catch (cause) {
    throw new BalanceError({
      code: 'INVALID_INPUT',
      message: 'Invalid input: reading it threw an error. Nothing happened.',
      retryable: false,
      cause,
    });
  }
}

// Credentials as the native core takes them: checked data, or a function that never rejects. Apart
// from the client, which could otherwise never be collected: the native core holds the function.
class CredentialsOption {
  source;
  failure;

  constructor(credentials) {
    if (typeof credentials === 'function') {
      this.source = () => this.#ask(credentials);
    } else if (credentials !== undefined) {
      this.source = checkCredentials(credentials);
    }
  }

  async #ask(credentials) {
    try {
      this.failure = undefined;
      return { credentials: checkCredentials(await credentials()) };
    } catch (error) {
      this.failure = error;
      return { complaint: 'the credentials function failed' };
    }
  }
}

function checkCredentials(credentials) {
  if (credentials === null || typeof credentials !== 'object') {
    throw invalidOption('credentials must be an object or a function that returns one');
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  // A Date of any realm; whatever else it is, the native core refuses it by its type.
  const isDate = typeof expiration?.getTime === 'function';
  const checked = binding.checkCredentials(
    accessKeyId,
    secretAccessKey,
    sessionToken,
    isDate ? expiration.getTime() : expiration,
  );
  if (isFailure(checked)) {
    throw new BalanceError(checked);
  }
  return checked;
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
  return typeof outcome === 'object' && outcome !== null && typeof outcome.code === 'string';
}

// Passes the caller's AbortSignal on. It cannot leave this thread; a call's number can.
function watch(options) {
  if (options === undefined) {
    return undefined;
  }
  try {
    const { signal } = options;
    return signal === undefined ? undefined : new Cancellation(signal);
  } catch (error) {
    throw invalidOption('signal must be an AbortSignal', error);
  }
}

class Cancellation {
  #signal;
  #isAborted;
  #cancel;
  #note = () => {
    this.#isAborted = true;
    this.#cancel?.();
  };

  constructor(signal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#note);
    this.#isAborted = signal.aborted;
  }

  start(cancel) {
    this.#cancel = cancel;
    if (this.#isAborted) {
      cancel();
    }
  }

  // What only looks like a signal must not spoil the answer.
  stop() {
    try {
      this.#signal.removeEventListener('abort', this.#note);
    } catch {}
  }

  reason() {
    try {
      return this.#signal.aborted ? this.#signal.reason : undefined;
    } catch {
      return undefined;
    }
  }
}

// A timer that never fires in practice. While it is referenced, Node does not exit.
const keepAlive = setInterval(() => {}, 2 ** 31 - 1);
keepAlive.unref();
let underWay = 0;

// The calls of a client that wait for their outcome. Apart from the client, which could otherwise
// never be collected: the native core holds `deliver`.
class Calls {
  #waiting = new Map();
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

  deliver = (numbers, outcomes) => {
    for (let index = 0; index < numbers.length; index += 1) {
      const number = numbers[index];
      this.#waiting.get(number)(outcomes[index]);
      this.#waiting.delete(number);
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

module.exports = { getCurrentBalance, transact, BalanceClient, BalanceError };
