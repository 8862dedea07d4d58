// What callers hand to the operations, field by field, as the native core takes it.

const { BalanceError, invalidInput, isOurs } = require('./errors.js');
const { pick, plain } = require('./properties.js');

const { getTime } = Date.prototype;

const LISTING = ['userId', 'from', 'to', 'order', 'limit', 'cursor'];

// A group is refused for its length before more than this many of its transactions are read.
const MAX_TRANSACTIONS = 99;

// A getter may throw, and so may a revoked proxy.
function read(input, readFields) {
  try {
    return readFields(input === undefined || input === null ? {} : input);
  } catch (cause) {
    if (isOurs(cause)) {
      throw cause;
    }
    throw invalidInput('reading it threw an error. Nothing happened.', cause);
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

function progressFunction(input) {
  const onProgress = pick(input, 'onProgress');
  if (onProgress === undefined || typeof onProgress === 'function') {
    return onProgress;
  }
  throw invalidInput(`onProgress must be a function, not ${kindOf(onProgress)}. Nothing was sent.`);
}

// Whole numbers have the same digits either way.
function exact(amount) {
  return typeof amount === 'bigint' ? String(amount) : amount;
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

// Of a Date of any realm, which the native core could not tell from another object.
function milliseconds(name, date) {
  if (date === undefined) {
    return undefined;
  }
  try {
    return getTime.call(date);
  } catch {
    throw invalidInput(`${name} must be a Date. Nothing was sent.`);
  }
}

module.exports = {
  exact,
  groupFields,
  holdFields,
  listingFields,
  progressFunction,
  read,
  transactionFields,
};
