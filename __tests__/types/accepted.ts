// What compiles: the call sites and signatures of the implementation that this package replaces.

import {
  BalanceClient,
  type BalanceClientStatistics,
  type BalanceError,
  type BalanceErrorCode,
  type BalanceOperations,
  type ErrorMetadata,
  getCurrentBalance,
  type OperationTrace,
  type RequestTrace,
  type TraceAttributes,
  type TracedOperation,
  transact,
} from 'dynamodb-balance';

interface TransactInput {
  idempotentKey: string;
  userId: string;
  amount: number;
  type: 'credit' | 'debit';
}

// True only if the two types are the same, not merely assignable.
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const sameGetCurrentBalance: Same<
  typeof getCurrentBalance,
  (input: { userId: string }) => Promise<number>
> = true;
const sameTransact: Same<
  typeof transact,
  (input: {
    idempotentKey: string;
    userId: string;
    amount: number;
    type: 'credit' | 'debit';
  }) => Promise<void>
> = true;

// Function variables with the old signatures.
export const read: (input: { userId: string }) => Promise<number> = getCurrentBalance;
export const move: (input: TransactInput) => Promise<void> = transact;
export const proofs = [sameGetCurrentBalance, sameTransact];

export async function callSites(input: TransactInput): Promise<number> {
  await transact({ idempotentKey: '1', userId: 'a', amount: 10, type: 'credit' });
  await transact({ idempotentKey: '2', userId: 'a', amount: 0.1, type: 'debit' as const });
  await transact(input);
  await transact(Object.freeze({ ...input }));
  const types = ['credit', 'debit'] as const;
  await Promise.all(types.map((type) => transact({ ...input, type })));
  const balance: number = await getCurrentBalance({ userId: 'a' });
  return balance;
}

export async function listings(): Promise<string[]> {
  const client = new BalanceClient();
  await client.createTables();
  await client.createTables({ history: true });
  const input = { userId: 'a', from: new Date(0), to: new Date(), order: 'oldest' } as const;
  const { transactions, cursor } = await client.listTransactions({ ...input, limit: 10 });
  const amounts: string[] = transactions.map(({ amount }) => amount);
  const rest = { ...input, ...(cursor && { cursor }) };
  for await (const { type, metadata } of client.iterateTransactions(rest)) {
    amounts.push(type === 'credit' ? 'more' : 'less', metadata?.['order'] ?? '');
  }
  return amounts;
}

// Whatever may be left out may be undefined, also with exactOptionalPropertyTypes.
export async function settings(environment: Record<string, string | undefined>): Promise<void> {
  const text = environment['ANYTHING'];
  const [size, flag, date] = [
    text?.length,
    text?.startsWith('a'),
    text ? new Date(text) : undefined,
  ];
  const credentials = text
    ? {
        accessKeyId: text,
        secretAccessKey: text,
        sessionToken: environment['TOKEN'],
        expiration: date,
      }
    : undefined;
  const client = new BalanceClient({
    region: text,
    endpoint: text && new URL(text),
    profile: text,
    credentials,
    balancesTable: text,
    transactionsTable: text,
    defaultBalance: size,
    consistentRead: flag,
    connectTimeout: size,
    attemptTimeout: size,
    callTimeout: size,
  });
  await client.createTables({ history: flag, holds: flag });
  const signal = text ? AbortSignal.timeout(1) : undefined;
  const listing = { userId: 'a', from: date, to: date, limit: size, cursor: text };
  const { cursor } = await client.listTransactions({ ...listing, order: undefined }, { signal });
  await client.listHolds({ userId: 'a', limit: size, cursor });
  const keys = { idempotentKey: 'a', userId: 'a', amount: 1, metadata: undefined };
  const { hold } = await client.createHold({ ...keys, expiresAt: date });
  await client.createTransaction({ ...keys, type: 'credit' });
  await client.captureHold({ idempotentKey: 'b', hold: hold.idempotentKey, amount: text });
  await client.releaseExpiredHolds({ onProgress: undefined });
}

export const client = new BalanceClient({
  credentials: async ({ callerClientConfig }) => {
    const region: string = await callerClientConfig.region();
    return { accessKeyId: region, secretAccessKey: callerClientConfig.profile ?? '' };
  },
});

// A stub of the operations, or of some of them.
const refuse = () => Promise.reject(new Error('not in this test'));
export const stub: BalanceOperations = {
  getCurrentBalance: async ({ userId }) => userId.length,
  transact: async () => {},
  getBalance: async ({ userId }) => ({ userId, balance: '100', held: '0', exists: false }),
  getTransaction: async () => undefined,
  createTransaction: refuse,
  createTransactions: refuse,
  createHold: refuse,
  captureHold: refuse,
  releaseHold: refuse,
  listHolds: async () => ({ holds: [] }),
  releaseExpiredHolds: async () => ({ released: 0, failures: [] }),
  listTransactions: async () => ({ transactions: [] }),
  iterateTransactions: async function* () {},
};
export const operations: BalanceOperations = client;
export class Stub implements Pick<BalanceOperations, 'transact'> {
  async transact(): Promise<void> {}
}
export const reader: Pick<BalanceOperations, 'getCurrentBalance'> = stub;

// What support and dashboards ask for.
export const throttled: number = client.stats().throttled;
export const requestId = (error: BalanceError): string | undefined => error.$metadata?.requestId;
new BalanceClient({ customUserAgent: 'shop/1.2' });
new BalanceClient({ customUserAgent: undefined });
export function nameOf({ attributes }: OperationTrace): string {
  return attributes['db.operation.name'];
}
export function sizes({ calls, batchSize }: RequestTrace): (number | undefined)[] {
  return [batchSize, ...calls.map((call) => call.waited)];
}
export const operation: TracedOperation = 'transact';
export const attributes: Record<string, string | number | string[]> = {
  ...({} as Partial<TraceAttributes>),
};
export const numbers: Record<keyof BalanceClientStatistics, number> = client.stats();
export const metadata: ErrorMetadata = {
  requestId: 'request',
  httpStatusCode: 400,
  attempts: 1,
};

export function describeCode(code: BalanceErrorCode): string {
  switch (code) {
    case 'INSUFFICIENT_BALANCE':
      return 'top up';
    case 'OUTCOME_UNKNOWN':
      return 'call again with the same key';
    default:
      return code;
  }
}
