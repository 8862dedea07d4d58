// What does not compile. Each line would fail at run time; the compiler is to say so first, and
// fails itself if it does not.

import {
  BalanceClient,
  BalanceError,
  type BalanceOperations,
  getCurrentBalance,
  transact,
} from 'dynamodb-balance';

const input = { idempotentKey: '1', userId: 'a', amount: 10, type: 'credit' } as const;

export async function callSites(): Promise<void> {
  // @ts-expect-error: no input
  await transact();
  // @ts-expect-error: null
  await transact(null);
  // @ts-expect-error: an amount that is text
  await transact({ ...input, amount: '50' });
  // @ts-expect-error: another type
  await transact({ ...input, type: 'refund' });
  // @ts-expect-error: any string
  await transact({ ...input, type: String('credit') });
  // @ts-expect-error: no key
  await transact({ userId: 'a', amount: 10, type: 'credit' });
  // @ts-expect-error: a user that is a number
  await getCurrentBalance({ userId: 5 });
  // @ts-expect-error: no user
  await getCurrentBalance({});
  // @ts-expect-error: the balance is a number
  const balance: string = await getCurrentBalance({ userId: 'a' });
  // @ts-expect-error: a misspelt option
  new BalanceClient({ balanceTable: balance });
  // @ts-expect-error: credentials without a secret
  new BalanceClient({ credentials: { accessKeyId: 'a' } });
  const client = new BalanceClient();
  const operations: BalanceOperations = client;
  // @ts-expect-error: a misspelt option
  await client.createTables({ histroy: true });
  // @ts-expect-error: a time that is text
  await client.listTransactions({ userId: 'a', from: '2024-05-06' });
  // @ts-expect-error: another order
  await client.listTransactions({ userId: 'a', order: 'random' });
  // @ts-expect-error: an iterator is no list
  for (const _transaction of client.iterateTransactions({ userId: 'a' })) {
    // @ts-expect-error: an amount is text
    const amount: number = (await client.listTransactions({ userId: 'a' })).transactions[0].amount;
    new BalanceClient({ defaultBalance: amount });
  }
  // @ts-expect-error: a user agent in parts
  new BalanceClient({ customUserAgent: ['shop', '1.2'] });
  // @ts-expect-error: a number that is not counted
  client.stats().speed;
  // @ts-expect-error: a stub need not count
  operations.stats();
  const error = new BalanceError({ code: 'INVALID_TYPE', message: '', retryable: false });
  // @ts-expect-error: a code that does not exist
  if (error.code === 'UNKNOWN') {
    // @ts-expect-error: codes are read-only
    error.code = 'INVALID_TYPE';
  }
}
