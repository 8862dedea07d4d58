// The operations of a client: what each of them reads from its input, hands to the native core, and makes
// of the answer. `advice` is for whoever meets a defect of this package on the way.

const { toHold, toPage, toTransaction } = require('../answers.js');
const { channels } = require('../tracing.js');
const { MONEY_MAY_HAVE_MOVED, NOTHING_CHANGED, NOTHING_HAPPENED } = require('./errors.js');
const { exact, groupFields, holdFields, listingFields, transactionFields } = require('./input.js');
const { pick } = require('./properties.js');

const cancelCall = (native, number) => native.cancel(number);
const cancelListing = (native, number) => native.cancelListing(number);

const query = { advice: NOTHING_HAPPENED, cancel: cancelCall };
const change = { advice: MONEY_MAY_HAVE_MOVED, cancel: cancelCall };
const listing = { advice: NOTHING_CHANGED, cancel: cancelListing };

const getCurrentBalance = {
  ...query,
  channel: channels.getCurrentBalance,
  read: (input) => {
    const userId = pick(input, 'userId');
    return (native, number) => native.getCurrentBalance(number, userId);
  },
  form: (balance) => balance,
};

const transact = {
  ...change,
  channel: channels.transact,
  read: (input) => {
    const idempotentKey = pick(input, 'idempotentKey');
    const userId = pick(input, 'userId');
    const amount = pick(input, 'amount');
    const type = pick(input, 'type');
    return (native, number) => native.transact(number, idempotentKey, userId, amount, type);
  },
  form: () => undefined,
};

const getBalance = {
  ...query,
  channel: channels.getBalance,
  read: (input) => {
    const userId = pick(input, 'userId');
    return (native, number) => native.getBalance(number, userId);
  },
  form: (balance) => balance,
};

const getTransaction = {
  ...query,
  channel: channels.getTransaction,
  read: (input) => {
    const idempotentKey = pick(input, 'idempotentKey');
    return (native, number) => native.getTransaction(number, idempotentKey);
  },
  form: ({ transactions }) => transactions.map(toTransaction)[0],
};

const createTransaction = {
  ...change,
  channel: channels.createTransaction,
  read: (input) => {
    const fields = transactionFields(input);
    return (native, number) => native.createTransaction(number, fields);
  },
  form: ({ transactions, replayed }) => ({
    transaction: transactions.map(toTransaction)[0],
    replayed,
  }),
};

const createTransactions = {
  ...change,
  channel: channels.createTransactions,
  read: (input) => {
    const { count, list } = groupFields(input);
    return (native, number) => native.createTransactions(number, count, list);
  },
  form: ({ transactions, replayed }) => ({
    transactions: transactions.map(toTransaction),
    replayed,
  }),
};

const createHold = {
  ...change,
  channel: channels.createHold,
  read: (input) => {
    const { fields, expiresAt } = holdFields(input);
    return (native, number) => native.createHold(number, fields, expiresAt);
  },
  form: toHold,
};

const captureHold = {
  ...change,
  channel: channels.captureHold,
  read: (input) => {
    const idempotentKey = pick(input, 'idempotentKey');
    const hold = pick(input, 'hold');
    const amount = exact(pick(input, 'amount'));
    return (native, number) => native.captureHold(number, idempotentKey, hold, amount);
  },
  form: toHold,
};

const releaseHold = {
  ...change,
  channel: channels.releaseHold,
  read: (input) => {
    const idempotentKey = pick(input, 'idempotentKey');
    const hold = pick(input, 'hold');
    return (native, number) => native.releaseHold(number, idempotentKey, hold);
  },
  form: toHold,
};

const listHolds = {
  ...listing,
  channel: channels.listHolds,
  read: (input) => {
    const userId = pick(input, 'userId');
    const limit = pick(input, 'limit');
    const cursor = pick(input, 'cursor');
    return (native, number) => native.listHolds(number, userId, limit, cursor);
  },
  form: (page) => {
    const { transactions: holds, ...rest } = toPage(page);
    return { holds, ...rest };
  },
};

// A page of a history, for whoever has read the fields.
const pageOfTransactions = {
  ...listing,
  channel: channels.listTransactions,
  read: (fields) => (native, number) => native.listTransactions(number, fields),
  form: toPage,
};

const listTransactions = {
  ...pageOfTransactions,
  read: (input) => pageOfTransactions.read(listingFields(input)),
};

// What a sweep consists of, which is one operation.

const listExpiredHolds = {
  ...listing,
  read:
    ({ after }) =>
    (native, number) =>
      native.listExpiredHolds(number, after),
  form: (page) => page,
};

const releaseExpiredHold = {
  ...change,
  read:
    ({ hold }) =>
    (native, number) =>
      native.releaseExpiredHold(number, hold),
  form: (released) => released,
};

const operations = {
  captureHold,
  createHold,
  createTransaction,
  createTransactions,
  getBalance,
  getCurrentBalance,
  getTransaction,
  listHolds,
  listTransactions,
  releaseHold,
  transact,
};

module.exports = { listExpiredHolds, operations, pageOfTransactions, releaseExpiredHold };
