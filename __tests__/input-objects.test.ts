// Whatever carries the four fields is an input.

import { getCurrentBalance, type TransactInput, transact } from 'dynamodb-balance';

import { looselyGetCurrentBalance, looselyTransact, rejection, request } from './harness/calls';
import { balanceItem, record } from './harness/tables';

/** Fields behind getters that count how often they are read. */
class CountingInput implements TransactInput {
  readonly reads: string[] = [];
  readonly #fields: TransactInput;

  constructor(fields: TransactInput) {
    this.#fields = fields;
  }

  get idempotentKey() {
    this.reads.push('idempotentKey');
    return this.#fields.idempotentKey;
  }

  get userId() {
    this.reads.push('userId');
    return this.#fields.userId;
  }

  get amount() {
    this.reads.push('amount');
    return this.#fields.amount;
  }

  get type() {
    this.reads.push('type');
    return this.#fields.type;
  }
}

describe('transact and getCurrentBalance accept', () => {
  test.each<{ what: string; make: (fields: TransactInput) => TransactInput }>([
    { what: 'a frozen object', make: (fields) => Object.freeze({ ...fields }) },
    {
      what: 'an object without a prototype',
      make: (fields) => Object.assign(Object.create(null), fields),
    },
    { what: 'fields that are inherited', make: (fields) => Object.create(fields) },
    { what: 'an instance of a class with getters', make: (fields) => new CountingInput(fields) },
    {
      what: 'extra properties',
      make: (fields) => Object.assign({ note: 'extra', [Symbol('extra')]: 1 }, fields),
    },
    { what: 'a proxy', make: (fields) => new Proxy(fields, {}) },
    { what: 'a function with the fields', make: (fields) => Object.assign(() => {}, fields) },
  ])('$what', async ({ make }) => {
    const input = make(request({ amount: 50 }));
    await transact(input);
    await expect(getCurrentBalance(input)).resolves.toBe(150);
  });
});

describe('each field is read exactly once', () => {
  test('by transact', async () => {
    const input = new CountingInput(request());
    await transact(input);
    expect(input.reads.sort()).toEqual(['amount', 'idempotentKey', 'type', 'userId']);
  });

  test('by getCurrentBalance', async () => {
    const input = new CountingInput(request());
    await getCurrentBalance(input);
    expect(input.reads).toEqual(['userId']);
  });

  test('before the call returns, so that changing the input afterwards changes nothing', async () => {
    const input = request({ amount: 50 });
    const { userId } = input;
    const promise = transact(input);
    input.amount = 5000;
    input.userId = 'somebody else';
    await promise;
    await expect(getCurrentBalance({ userId })).resolves.toBe(150);
  });
});

describe('a getter that throws', () => {
  const FIELDS = ['idempotentKey', 'userId', 'amount', 'type'];
  const thrown = new Error('thrown by a getter');

  function throwing(fields: object, field: string, value: unknown): object {
    return Object.defineProperty({ ...fields }, field, {
      get() {
        throw value;
      },
    });
  }

  test.each(FIELDS)('rejects transact with what was thrown as the cause (%s)', async (field) => {
    const refusal = await rejection(looselyTransact(throwing(request(), field, thrown)));
    expect(refusal.code).toBe('INVALID_INPUT');
    expect(refusal.message).toBe('Invalid input: reading it threw an error. Nothing happened.');
    expect(refusal.retryable).toBe(false);
    expect(refusal.cause).toBe(thrown);
  });

  test('rejects getCurrentBalance with what was thrown as the cause', async () => {
    const refusal = await rejection(looselyGetCurrentBalance(throwing({}, 'userId', thrown)));
    expect(refusal.code).toBe('INVALID_INPUT');
    expect(refusal.cause).toBe(thrown);
  });

  test('may throw something that is not an Error', async () => {
    const refusal = await rejection(looselyTransact(throwing(request(), 'amount', 'a text')));
    expect(refusal.cause).toBe('a text');
  });

  test('leaves nothing written', async () => {
    const fields = request();
    await rejection(looselyTransact(throwing(fields, 'type', thrown)));
    expect(await record(fields.idempotentKey)).toBeUndefined();
    expect(await balanceItem(fields.userId)).toBeUndefined();
  });

  test('is like a revoked proxy', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const refusal = await rejection(looselyTransact(proxy));
    expect(refusal.code).toBe('INVALID_INPUT');
    expect(refusal.cause).toBeInstanceOf(TypeError);
  });
});
