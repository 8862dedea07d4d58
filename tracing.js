// Channels of diagnostics_channel: for each operation the five of a tracing channel, and one for
// requests. Made by hand: Node had plain channels years before it had `tracingChannel`, and what
// subscribes to that hears these just the same.

// Which tables each of them is about.
const OPERATIONS = {
  transact: ['balances', 'transactions'],
  getCurrentBalance: ['balances'],
  getBalance: ['balances'],
  getTransaction: ['transactions'],
  createTransaction: ['balances', 'transactions'],
  createTransactions: ['balances', 'transactions'],
  createHold: ['balances', 'transactions'],
  captureHold: ['balances', 'transactions'],
  releaseHold: ['balances', 'transactions'],
  listHolds: ['transactions'],
  releaseExpiredHolds: ['balances', 'transactions'],
  listTransactions: ['transactions'],
  createTables: ['balances', 'transactions'],
};

// Where a runtime has no channels, nobody can subscribe to one.
const SILENT = { hasSubscribers: false, publish: () => {} };

const REQUESTS = 'dynamodb-balance:request';

// Node before 18.19 forgets a channel that nobody holds, and with it who has subscribed.
const FORGETS = Number.parseInt(process.versions.node, 10) < 20;

// The function `channel` of diagnostics_channel, once it is needed: loading that takes as long as
// the rest of this file.
let find;

class OperationChannel {
  #operation;
  #tables;
  #events;

  constructor(operation, tables) {
    this.#operation = operation;
    this.#tables = tables;
  }

  // With the first call of the operation: most programs call few.
  open() {
    if (this.#events === undefined) {
      const event = (name) => channel(`tracing:dynamodb-balance:${this.#operation}:${name}`);
      this.#events = {
        start: event('start'),
        end: event('end'),
        asyncStart: event('asyncStart'),
        asyncEnd: event('asyncEnd'),
        error: event('error'),
        requests: channel(REQUESTS),
      };
    }
    return this.#events;
  }

  // Who wants to know of requests wants to know whose they are.
  get hasSubscribers() {
    const { start, end, asyncStart, asyncEnd, error, requests } = this.open();
    return (
      start.hasSubscribers ||
      end.hasSubscribers ||
      asyncStart.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      error.hasSubscribers ||
      requests.hasSubscribers
    );
  }

  // In the order in which `tracePromise` of Node publishes. `names` are those of the tables.
  async trace(input, names, work) {
    const attributes = attributesOf(
      this.#operation,
      this.#tables.map((table) => names[table]),
    );
    const context = { operation: this.#operation, input, attributes, attempts: 0 };
    const { asyncStart, asyncEnd, error: failed } = this.open();
    try {
      const result = await this.#begin(context, () => work(context));
      note(context, { result, replayed: result?.replayed === true });
      return result;
    } catch (error) {
      note(context, { error, replayed: error?.code === 'DUPLICATE_TRANSACTION' });
      note(attributes, { 'error.type': error?.code ?? 'Error' });
      failed.publish(context);
      throw error;
    } finally {
      asyncStart.publish(context);
      asyncEnd.publish(context);
    }
  }

  // Stores that are bound to the start, those of AsyncLocalStorage, hold while the work is done.
  #begin(context, work) {
    const { start, end } = this.open();
    const begin = () => {
      try {
        return work();
      } finally {
        end.publish(context);
      }
    };
    if (typeof start.runStores === 'function') {
      return start.runStores(context, begin);
    }
    start.publish(context);
    return begin();
  }
}

// Subscribers have the same object. One that has frozen it misses what comes later; the call goes on.
function note(context, properties) {
  try {
    Object.assign(context, properties);
  } catch {}
}

// By the names of OpenTelemetry's semantic conventions for databases.
function attributesOf(operation, tables) {
  const attributes = {
    'db.system.name': 'aws.dynamodb',
    'db.operation.name': operation,
    'aws.dynamodb.table_names': tables,
  };
  if (tables.length === 1) {
    attributes['db.collection.name'] = tables[0];
  }
  return attributes;
}

// What the native core has noted down: what became of calls, and the requests that carried them.
function tell({ calls, requests: carried }, contexts) {
  for (const { number, attempts, waited, batchSize, server, requestId } of calls) {
    const context = contexts.get(number);
    if (context !== undefined) {
      // An operation of several calls waits once, and is answered by the last of them.
      note(context, {
        attempts: context.attempts + attempts,
        waited: context.waited ?? waited,
        batchSize: batchSize ?? context.batchSize,
      });
      note(context.attributes, attributesOfAnswer(server, requestId));
    }
  }
  const requests = channel(REQUESTS);
  if (requests.hasSubscribers) {
    for (const request of carried) {
      requests.publish(toRequest(request, contexts));
    }
  }
}

function toRequest(request, contexts) {
  const { operation, tables, numbers, batchSize, attempt, startTime, duration } = request;
  const attributes = Object.assign(
    attributesOf(operation, tables),
    attributesOfAnswer(request.server, request.requestId),
  );
  set(attributes, 'db.operation.batch.size', batchSize > 1 ? batchSize : undefined);
  set(attributes, 'http.request.resend_count', attempt > 1 ? attempt - 1 : undefined);
  set(attributes, 'http.response.status_code', request.status);
  set(attributes, 'error.type', request.error);
  const calls = numbers.map((number) => contexts.get(number)).filter((it) => it !== undefined);
  return { operation, calls, batchSize, attempt, startTime, duration, attributes };
}

function attributesOfAnswer(server, requestId) {
  const attributes = {};
  set(attributes, 'server.address', server?.address);
  set(attributes, 'server.port', server?.port);
  set(attributes, 'cloud.region', server?.region);
  set(attributes, 'aws.request_id', requestId);
  return attributes;
}

function set(attributes, name, value) {
  if (value !== undefined) {
    attributes[name] = value;
  }
}

function channel(name) {
  if (find === undefined) {
    find = findChannels();
  }
  return find(name);
}

function findChannels() {
  try {
    // biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:diagnostics_channel.
    return require('diagnostics_channel').channel;
  } catch {
    return () => SILENT;
  }
}

const channels = Object.fromEntries(
  Object.entries(OPERATIONS).map(([name, tables]) => [name, new OperationChannel(name, tables)]),
);

if (FORGETS) {
  for (const operation of Object.values(channels)) {
    operation.open();
  }
}

module.exports = { channels, tell };
