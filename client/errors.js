// The errors of this package. The native core tells of failures as plain data, which has a code.

const { define, pick } = require('./properties.js');

const { hasOwnProperty: isOwn } = Object.prototype;

const NOTHING_HAPPENED = 'Nothing happened.';
const NOTHING_CHANGED = 'Nothing was changed.';
const MONEY_MAY_HAVE_MOVED = 'Money may have moved: call again with the same idempotentKey.';

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

function isOurs(error) {
  return made.has(error);
}

function isFailure(outcome) {
  return typeof outcome === 'object' && outcome !== null && isOwn.call(outcome, 'code');
}

function invalidInput(complaint, cause) {
  return new BalanceError({
    code: 'INVALID_INPUT',
    message: `Invalid input: ${complaint}`,
    retryable: false,
    cause,
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

function clientClosed() {
  return new BalanceError({
    code: 'CLIENT_CLOSED',
    message: 'Client closed: close() was called on this client. Nothing happened; make a new one.',
    retryable: false,
  });
}

// The native core answers every call. If it rejects one, that is a defect of this package.
function known(error, advice) {
  return isOurs(error)
    ? error
    : new BalanceError({
        code: 'INTERNAL_ERROR',
        message: `Internal error: ${error?.message}. ${advice}`,
        retryable: false,
        cause: error,
      });
}

module.exports = {
  BalanceError,
  MONEY_MAY_HAVE_MOVED,
  NOTHING_CHANGED,
  NOTHING_HAPPENED,
  clientClosed,
  invalidInput,
  invalidOption,
  isFailure,
  isOurs,
  known,
};
