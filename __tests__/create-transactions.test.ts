// createTransactions: several transactions of one or several users, all of them or none.

import { BalanceClient, type CreateTransactionInput } from 'dynamodb-balance';

import { fresh, putBalanceItem, record, recordsOf } from './harness/tables';

const client = new BalanceClient();

afterAll(async () => await client.close());

function debit(userId: string, amount: CreateTransactionInput['amount'], key = fresh('key')) {
  return { idempotentKey: key, userId, amount, type: 'debit' } as const;
}

function credit(userId: string, amount: CreateTransactionInput['amount'], key = fresh('key')) {
  return { idempotentKey: key, userId, amount, type: 'credit' } as const;
}

async function balanceOf(userId: string): Promise<string> {
  return (await client.getBalance({ userId })).balance;
}

test('a transfer moves both balances and leaves two records', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const list = [debit(from, '30.5'), credit(to, '30.5')];
  const { transactions, replayed } = await client.createTransactions({ transactions: list });
  expect(replayed).toBe(false);
  expect(transactions).toMatchObject(list);
  expect([await balanceOf(from), await balanceOf(to)]).toEqual(['69.5', '130.5']);
  expect(await recordsOf(from)).toHaveLength(1);
  expect(await recordsOf(to)).toHaveLength(1);
});

test('a sale of three parties that is not covered moves nobody, and says who and how much', async () => {
  const [buyer, seller, platform] = [fresh('buyer'), fresh('seller'), fresh('platform')];
  const list = [credit(seller, 90), credit(platform, 10.01), debit(buyer, '100.01')];
  await expect(client.createTransactions({ transactions: list })).rejects.toMatchObject({
    code: 'INSUFFICIENT_BALANCE',
    index: 2,
    available: '100',
  });
  for (const user of [buyer, seller, platform]) {
    expect(await balanceOf(user)).toBe('100');
    expect(await recordsOf(user)).toEqual([]);
  }
});

test('they take effect in the order of the list', async () => {
  const user = fresh('user');
  const creditFirst = [credit(user, 50), debit(user, 150)];
  await client.createTransactions({ transactions: creditFirst });
  expect(await balanceOf(user)).toBe('0');
  const debitFirst = [debit(user, 10), credit(user, 20)];
  await expect(client.createTransactions({ transactions: debitFirst })).rejects.toMatchObject({
    code: 'INSUFFICIENT_BALANCE',
    index: 0,
    available: '0',
  });
});

test('two transfers in opposite directions between empty accounts are both refused', async () => {
  const [a, b] = [fresh('a'), fresh('b')];
  await Promise.all([putBalance(a, '0'), putBalance(b, '0')]);
  const transfers = [
    [debit(a, 100), credit(b, 100)],
    [debit(b, 100), credit(a, 100)],
  ];
  const outcomes = await Promise.allSettled(
    transfers.map(async (transactions) => await client.createTransactions({ transactions })),
  );
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
});

test('the same list again is replayed', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const transactions = [debit(from, 1), credit(to, 1)];
  const first = await client.createTransactions({ transactions });
  const again = await client.createTransactions({ transactions });
  expect(again).toEqual({ transactions: first.transactions, replayed: true });
  expect(await balanceOf(from)).toBe('99');
});

test('the same list 20 times at once moves money once', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const transactions = [debit(from, 1), credit(to, 1)];
  const results = await Promise.all(
    Array.from({ length: 20 }, async () => await client.createTransactions({ transactions })),
  );
  expect(results.filter((result) => !result.replayed)).toHaveLength(1);
  expect([await balanceOf(from), await balanceOf(to)]).toEqual(['99', '101']);
});

describe('IDEMPOTENT_KEY_REUSED', () => {
  test('if some of the keys are recorded', async () => {
    const user = fresh('user');
    const recorded = credit(user, 1);
    await client.createTransaction(recorded);
    const refused = client.createTransactions({ transactions: [credit(user, 2), recorded] });
    await expect(refused).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED', index: 1 });
    expect(await balanceOf(user)).toBe('101');
  });

  test('if all are recorded, but one by one', async () => {
    const user = fresh('user');
    const list = [credit(user, 1), credit(user, 2)];
    for (const input of list) {
      await client.createTransaction(input);
    }
    const refused = client.createTransactions({ transactions: list });
    await expect(refused).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED', index: 0 });
  });

  test('if it is a part of a longer list, or another order', async () => {
    const user = fresh('user');
    const list = [credit(user, 1), credit(user, 2), credit(user, 3)];
    await client.createTransactions({ transactions: list });
    for (const other of [list.slice(0, 2), [...list].reverse()]) {
      const refused = client.createTransactions({ transactions: other });
      await expect(refused).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED' });
    }
    expect(await balanceOf(user)).toBe('106');
  });

  test('if a transaction of it asks for another amount', async () => {
    const user = fresh('user');
    const list = [credit(user, 1), credit(user, 2)] as const;
    await client.createTransactions({ transactions: list });
    const refused = client.createTransactions({
      transactions: [list[0], { ...list[1], amount: 3 }],
    });
    await expect(refused).rejects.toMatchObject({ code: 'IDEMPOTENT_KEY_REUSED', index: 1 });
  });
});

test('a list of one is a single transaction', async () => {
  const user = fresh('user');
  const input = credit(user, 5);
  await client.createTransactions({ transactions: [input] });
  expect(await client.createTransaction(input)).toMatchObject({ replayed: true });
  expect(await record(input.idempotentKey)).not.toHaveProperty('groupSize');
});

test('99 transactions of one user, and 50 users with one each', async () => {
  const user = fresh('user');
  const ofOne = Array.from({ length: 99 }, () => credit(user, 1));
  await client.createTransactions({ transactions: ofOne });
  expect(await balanceOf(user)).toBe('199');
  const ofMany = Array.from({ length: 50 }, () => credit(fresh('user'), 1));
  await client.createTransactions({ transactions: ofMany });
  for (const { userId } of ofMany) {
    expect(await balanceOf(userId)).toBe('101');
  }
});

describe('INVALID_TRANSACTIONS', () => {
  test.each([
    ['no list', undefined, 'must be an array, not undefined'],
    ['an object', {}, 'must be an array, not an object'],
    ['an empty list', [], '0'],
    ['100 transactions', Array.from({ length: 100 }, () => credit('user', 1)), '100'],
    ['a million', Array.from({ length: 1_000_000 }, () => null), '1000000'],
    ['51 users', Array.from({ length: 51 }, () => credit(fresh('user'), 1)), '102'],
  ])('%s', async (_what, transactions, words) => {
    const refused = client.createTransactions({ transactions: transactions as never });
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_TRANSACTIONS',
      message: expect.stringContaining(words),
    });
  });

  test('a key twice', async () => {
    const user = fresh('user');
    const list = [credit(user, 1, 'a'), credit(user, 1, 'b'), credit(user, 2, 'a')];
    await expect(client.createTransactions({ transactions: list })).rejects.toMatchObject({
      code: 'INVALID_TRANSACTIONS',
      index: 2,
    });
  });
});

test('a wrong field is refused in the words of transact, with its place', async () => {
  const list = [credit('user', 1), { ...credit('user', 1), amount: -1 }];
  await expect(client.createTransactions({ transactions: list })).rejects.toMatchObject({
    code: 'INVALID_AMOUNT',
    message: 'Amount must be greater than 0',
    index: 1,
  });
});

test('a list element that is nothing lacks everything', async () => {
  const refused = client.createTransactions({ transactions: [null] as never });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_IDEMPOTENT_KEY', index: 0 });
});

test('amounts that do not fit one balance together are refused before anything is sent', async () => {
  const user = fresh('user');
  const list = [credit(user, '1e125'.replace('e125', '0'.repeat(125))), credit(user, '0.01')];
  await expect(client.createTransactions({ transactions: list })).rejects.toMatchObject({
    code: 'AMOUNT_OUT_OF_RANGE',
  });
  expect(await recordsOf(user)).toEqual([]);
});

test('money is conserved when 10 users send each other what they may not have', async () => {
  const users = Array.from({ length: 10 }, () => fresh('user'));
  const pick = () => users[Math.floor(Math.random() * users.length)] as string;
  const transfer = async () => {
    const [from, to, amount] = [pick(), pick(), 1 + Math.floor(Math.random() * 60)];
    await client.createTransactions({ transactions: [debit(from, amount), credit(to, amount)] });
  };
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, transfer));
  const codes = outcomes.map((it) => (it.status === 'rejected' ? it.reason.code : 'OK'));
  expect(new Set(codes)).toEqual(new Set(['OK', 'INSUFFICIENT_BALANCE']));
  const balances = await Promise.all(users.map(balanceOf));
  expect(balances.map(Number).reduce((sum, balance) => sum + balance, 0)).toBe(1_000);
  expect(balances.map(Number).every((balance) => balance >= 0)).toBe(true);
});

async function putBalance(userId: string, balance: string): Promise<void> {
  await putBalanceItem({ userId: { S: userId }, balance: { N: balance } });
}
