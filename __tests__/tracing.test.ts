// Channels of diagnostics_channel: what is told of operations and of the requests that carry them.

import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';

import {
  BalanceClient,
  type BalanceClientOptions,
  type OperationTrace,
  type RequestTrace,
  type TracedOperation,
} from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { cancelled, openWire, serviceError, type Wire } from './harness/wire';

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

interface Heard {
  event: string;
  trace: OperationTrace;
}

let undo: (() => void)[] = [];

afterEach(() => {
  for (const step of undo) {
    step();
  }
  undo = [];
});

function subscribe(name: string, listener: (message: unknown) => void): void {
  diagnostics.subscribe(name, listener);
  undo.push(() => diagnostics.unsubscribe(name, listener));
}

/** Hears of all calls of an operation from now on. */
function listenTo(operation: TracedOperation): Heard[] {
  const heard: Heard[] = [];
  for (const event of EVENTS) {
    subscribe(`tracing:dynamodb-balance:${operation}:${event}`, (trace) => {
      heard.push({ event, trace: trace as OperationTrace });
    });
  }
  return heard;
}

function listenToRequests(): RequestTrace[] {
  const heard: RequestTrace[] = [];
  subscribe('dynamodb-balance:request', (request) => heard.push(request as RequestTrace));
  return heard;
}

async function withWire(
  react: Parameters<typeof openWire>[0],
  work: (client: BalanceClient, wire: Wire) => Promise<void>,
  options: BalanceClientOptions = {},
): Promise<void> {
  const wire = await openWire(react);
  const { endpoint } = wire;
  const client = new BalanceClient({ endpoint, region: 'eu-central-1', ...options });
  try {
    await work(client, wire);
  } finally {
    await client.close();
    await wire.close();
  }
}

function freshTables() {
  return { balancesTable: fresh('Balances'), transactionsTable: fresh('Transactions') };
}

function credit(userId: string, amount = 1) {
  return { idempotentKey: fresh('key'), userId, amount, type: 'credit' as const };
}

test('an operation is told as tracePromise of Node tells it, with one object', async () => {
  const heard = listenTo('createTransaction');
  await withWire(undefined, async (client) => {
    const input = credit(fresh('user'));
    const result = await client.createTransaction(input);

    expect(heard.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(new Set(heard.map(({ trace }) => trace)).size).toBe(1);
    expect(heard[0]?.trace.input).toBe(input);
    expect(heard[0]?.trace.result).toBe(result);
  });
});

test('at its end it says how it travelled', async () => {
  const heard = listenTo('transact');
  await withWire(undefined, async (client, wire) => {
    await client.transact(credit(fresh('user')));

    expect(heard[0]?.trace).toEqual({
      operation: 'transact',
      input: expect.anything(),
      attempts: 1,
      waited: expect.any(Number),
      batchSize: 1,
      replayed: false,
      result: undefined,
      attributes: {
        'db.system.name': 'aws.dynamodb',
        'db.operation.name': 'transact',
        'aws.dynamodb.table_names': ['UserBalances', 'Transactions'],
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(wire.endpoint).port),
        'cloud.region': 'eu-central-1',
        'aws.request_id': expect.stringMatching(/./),
      },
    });
  });
});

test('one that fails is told with its error and the code of it', async () => {
  const heard = listenTo('transact');
  await withWire(undefined, async (client) => {
    const call = client.transact({ ...credit(fresh('user'), 101), type: 'debit' });
    await expect(call).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });

    expect(heard.map(({ event }) => event)).toEqual([
      'start',
      'end',
      'error',
      'asyncStart',
      'asyncEnd',
    ]);
    const error = await call.catch((rejection) => rejection);
    expect(heard[2]?.trace.error).toBe(error);
    expect(heard[2]?.trace.attributes['error.type']).toBe('INSUFFICIENT_BALANCE');
  });
});

test('one that is refused before it is sent is told as well, without a request', async () => {
  const [heard, requests] = [listenTo('transact'), listenToRequests()];
  await withWire(undefined, async (client) => {
    await expect(client.transact(credit(''))).rejects.toMatchObject({ code: 'INVALID_USER_ID' });

    expect(heard.at(-1)?.trace).toMatchObject({ attempts: 0, replayed: false });
    expect(requests).toEqual([]);
  });
});

test('what an earlier call has done is replayed', async () => {
  const [created, transacted] = [listenTo('createTransaction'), listenTo('transact')];
  await withWire(undefined, async (client) => {
    const input = credit(fresh('user'));
    await client.createTransaction(input);
    await client.createTransaction(input);
    await expect(client.transact(input)).rejects.toMatchObject({ code: 'DUPLICATE_TRANSACTION' });

    const ends = [...created, ...transacted].filter(({ event }) => event === 'asyncEnd');
    expect(ends.map(({ trace }) => trace.replayed)).toEqual([false, true, true]);
  });
});

test('every operation has a channel, and an iteration goes by its pages', async () => {
  const user = fresh('user');
  const hold = fresh('hold');
  const operations: [TracedOperation, (client: BalanceClient) => Promise<unknown>][] = [
    ['createTables', (client) => client.createTables({ history: true, holds: true })],
    ['transact', (client) => client.transact(credit(user))],
    ['createTransaction', (client) => client.createTransaction(credit(user))],
    ['createTransactions', (client) => client.createTransactions({ transactions: [credit(user)] })],
    ['getCurrentBalance', (client) => client.getCurrentBalance({ userId: user })],
    ['getBalance', (client) => client.getBalance({ userId: user })],
    ['getTransaction', (client) => client.getTransaction({ idempotentKey: hold })],
    ['createHold', (client) => client.createHold({ idempotentKey: hold, userId: user, amount: 1 })],
    ['captureHold', (client) => client.captureHold({ idempotentKey: fresh('capture'), hold })],
    [
      'releaseHold',
      (client) =>
        client.releaseHold({ idempotentKey: fresh('release'), hold }).catch((error) => error),
    ],
    ['listHolds', (client) => client.listHolds({ userId: user })],
    ['releaseExpiredHolds', (client) => client.releaseExpiredHolds()],
    ['listTransactions', (client) => client.listTransactions({ userId: user })],
    ['listTransactions', (client) => client.iterateTransactions({ userId: user }).next()],
  ];
  const callAll = async (client: BalanceClient): Promise<void> => {
    for (const [operation, call] of operations) {
      const heard = listenTo(operation);
      await call(client);
      const told = heard.filter(({ event }) => event === 'asyncEnd').map(({ trace }) => trace);

      expect(told).toMatchObject([{ operation }]);
      expect(told[0]?.attempts).toBeGreaterThanOrEqual(operation === 'createTables' ? 0 : 1);
    }
  };
  await withWire(undefined, callAll, freshTables());
});

test('a store that is bound to the start holds while the call is made', async () => {
  const store = new AsyncLocalStorage<OperationTrace>();
  const channel = diagnostics.channel('tracing:dynamodb-balance:getBalance:start');
  channel.bindStore(store, (trace) => trace as OperationTrace);
  undo.push(() => channel.unbindStore(store));
  await withWire(undefined, async (client) => {
    let seen: OperationTrace | undefined;
    const input = {
      get userId() {
        seen = store.getStore();
        return fresh('user');
      },
    };
    await client.getBalance(input);

    expect(seen?.operation).toBe('getBalance');
    expect(store.getStore()).toBe(undefined);
  });
});

test('a request is told once it has ended, with the calls that it carried', async () => {
  const [heard, requests] = [listenTo('transact'), listenToRequests()];
  await withWire(undefined, async (client) => {
    const user = fresh('user');
    const before = Date.now();
    await Promise.all(Array.from({ length: 3 }, () => client.transact(credit(user))));

    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      operation: 'TransactWriteItems',
      batchSize: 3,
      attempt: 1,
      attributes: {
        'db.operation.name': 'TransactWriteItems',
        'db.operation.batch.size': 3,
        'aws.dynamodb.table_names': ['UserBalances', 'Transactions'],
        'http.response.status_code': 200,
        'cloud.region': 'eu-central-1',
      },
    });
    const told = heard.filter(({ event }) => event === 'asyncEnd').map(({ trace }) => trace);
    expect(new Set(requests[0]?.calls)).toEqual(new Set(told));
    expect(told.map(({ batchSize }) => batchSize)).toEqual([3, 3, 3]);
    expect(told[0]?.attributes['aws.request_id']).toBe(requests[0]?.attributes['aws.request_id']);
    expect(requests[0]?.startTime).toBeGreaterThanOrEqual(before - 1000);
    expect(requests[0]?.duration).toBeGreaterThan(0);
  });
});

test('each attempt is told, with what DynamoDB called the error', async () => {
  const requests = listenToRequests();
  const answers = [
    serviceError('ProvisionedThroughputExceededException'),
    'lose the answer' as const,
    'forward' as const,
  ];
  await withWire(
    (index) => answers[index] ?? 'forward',
    async (client) => {
      await client.transact(credit(fresh('user')));

      expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(requests.map(({ attributes }) => attributes['error.type'])).toEqual([
        'ProvisionedThroughputExceededException',
        'connection_lost',
        undefined,
      ]);
      expect(requests.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
        400,
        undefined,
        200,
      ]);
      expect(requests[2]?.attributes['http.request.resend_count']).toBe(2);
      expect(requests[0]?.calls[0]).toMatchObject({ operation: 'transact', attempts: 3 });
    },
  );
});

test('requests for reads and listings are told with their table', async () => {
  const tables = freshTables();
  const requests = listenToRequests();
  const readAll = async (client: BalanceClient): Promise<void> => {
    await client.createTables({ history: true });
    await client.getBalance({ userId: fresh('user') });
    await client.getTransaction({ idempotentKey: fresh('key') });
    await client.listTransactions({ userId: fresh('user') });

    expect(
      requests.map(({ operation, attributes }) => [operation, attributes['db.collection.name']]),
    ).toEqual([
      ['GetItem', tables.balancesTable],
      ['GetItem', tables.transactionsTable],
      ['Query', tables.transactionsTable],
    ]);
  };
  await withWire(undefined, readAll, tables);
});

test('who unsubscribes hears nothing more', async () => {
  const heard = listenTo('transact');
  await withWire(undefined, async (client) => {
    await client.transact(credit(fresh('user')));
    const before = heard.length;
    for (const step of undo) {
      step();
    }
    await client.transact(credit(fresh('user')));

    expect(heard).toHaveLength(before);
  });
});

test.each([
  ['the trace', (trace: OperationTrace) => Object.freeze(trace)],
  ['its attributes', (trace: OperationTrace) => Object.freeze(trace.attributes)],
])('a subscriber that freezes %s keeps no caller from the answer', async (_name, freeze) => {
  const requests = listenToRequests();
  for (const operation of ['transact', 'getBalance']) {
    subscribe(`tracing:dynamodb-balance:${operation}:start`, (trace) =>
      freeze(trace as OperationTrace),
    );
  }
  await withWire(undefined, async (client) => {
    const userId = fresh('user');

    await expect(client.transact(credit(userId))).resolves.toBe(undefined);
    await expect(client.getBalance({ userId })).resolves.toMatchObject({ balance: '101' });
    await expect(client.transact({ ...credit(userId, 102), type: 'debit' })).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
    });
    expect(requests).toHaveLength(3);
  });
});

test('attempts are counted where nobody listens to requests', async () => {
  const heard = listenTo('transact');
  await withWire(
    (index) => (index === 0 ? cancelled('TransactionConflict', 'None') : 'forward'),
    async (client) => {
      await client.transact(credit(fresh('user')));

      expect(heard.at(-1)?.trace.attempts).toBe(2);
    },
  );
});
