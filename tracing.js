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

const channel = findChannels();

// They are kept here: Node forgets a channel that nobody holds, and with it who subscribes later.
const requests = channel('dynamodb-balance:request');

class OperationChannel {
  #operation;
  #tables;
  #start;
  #end;
  #asyncStart;
  #asyncEnd;
  #error;

  constructor(operation, tables) {
    const part = (event) => channel(`tracing:dynamodb-balance:${operation}:${event}`);
    this.#operation = operation;
    this.#tables = tables;
    this.#start = part('start');
    this.#end = part('end');
    this.#asyncStart = part('asyncStart');
    this.#asyncEnd = part('asyncEnd');
    this.#error = part('error');
  }

  // Who wants to know of requests wants to know whose they are.
  get hasSubscribers() {
    return (
      this.#start.hasSubscribers ||
      this.#end.hasSubscribers ||
      this.#asyncStart.hasSubscribers ||
      this.#asyncEnd.hasSubscribers ||
      this.#error.hasSubscribers ||
      requests.hasSubscribers
    );
  }

  // In the order in which `tracePromise` of Node publishes. `names` are those of the tables.
  async trace(input, names, work) {
    const tables = this.#tables.map((table) => names[table]);
    const context = {
      operation: this.#operation,
      input,
      attributes: attributesOf(this.#operation, tables),
      attempts: 0,
    };
    try {
      const result = await this.#begin(context, () => work(context));
      context.result = result;
      context.replayed = result?.replayed === true;
      return result;
    } catch (error) {
      context.error = error;
      context.replayed = error?.code === 'DUPLICATE_TRANSACTION';
      context.attributes['error.type'] = error?.code ?? 'Error';
      this.#error.publish(context);
      throw error;
    } finally {
      this.#asyncStart.publish(context);
      this.#asyncEnd.publish(context);
    }
  }

  // Stores that are bound to the start, those of AsyncLocalStorage, hold while the work is done.
  #begin(context, work) {
    const begin = () => {
      try {
        return work();
      } finally {
        this.#end.publish(context);
      }
    };
    if (typeof this.#start.runStores === 'function') {
      return this.#start.runStores(context, begin);
    }
    this.#start.publish(context);
    return begin();
  }
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
      context.attempts += attempts;
      context.waited = context.waited ?? waited;
      context.batchSize = batchSize ?? context.batchSize;
      Object.assign(context.attributes, attributesOfAnswer(server, requestId));
    }
  }
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

function findChannels() {
  try {
    // biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:diagnostics_channel.
    return require('diagnostics_channel').channel;
  } catch {
    return () => SILENT;
  }
}

const operations = Object.fromEntries(
  Object.entries(OPERATIONS).map(([name, tables]) => [name, new OperationChannel(name, tables)]),
);

module.exports = { operations, tell };
