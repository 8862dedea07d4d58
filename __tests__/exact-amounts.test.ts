// Amounts are decimals: what is stored reads back as the same number, and sums are exact. All
// expectations are counted in BigInt.

import { getCurrentBalance, transact } from 'dynamodb-balance';
import * as fc from 'fast-check';

import { request } from './harness/calls';
import { exactly, numberIn, shortest } from './harness/decimal';
import { balanceItem, fresh, putBalanceItem, record } from './harness/tables';

const SMALLEST = 1e-130;
const LARGEST = 9.999999999999998e125;

/** Numbers that other representations get wrong. */
const NOTORIOUS = [
  0.1,
  0.30000000000000004,
  1.1,
  4.35,
  1.005,
  0.12345678901234568,
  123456789.12345679,
  2 ** 53 - 1,
  1e21,
  1e22,
  1e23,
  5e-7,
  SMALLEST,
  1.2345678901234568e-130,
  5e-130,
  9e125,
  LARGEST,
];

/** Any number that DynamoDB can hold, most of them with 16 or 17 digits. */
const anyAmount = fc.double({ min: SMALLEST, max: LARGEST, noNaN: true });

/** What a credit to an account of 0 leaves behind. */
async function creditToZero(amount: number) {
  const credit = request({ amount });
  await putBalanceItem({ userId: { S: credit.userId }, balance: { N: '0' } });
  await transact(credit);
  return credit;
}

describe('a stored amount', () => {
  test.each(NOTORIOUS)('reads back as the same number: %p', async (amount) => {
    const credit = await creditToZero(amount);
    expect(numberIn(await record(credit.idempotentKey), 'amount')).toBe(shortest(amount));
    await expect(getCurrentBalance(credit)).resolves.toBe(amount);
  });

  test('reads back as the same number, whichever it is', async () => {
    await fc.assert(
      fc.asyncProperty(anyAmount, async (amount) => {
        const credit = await creditToZero(amount);
        expect(await getCurrentBalance(credit)).toBe(amount);
      }),
      { numRuns: 100 },
    );
  });

  test('is the shortest decimal that reads back as the number', async () => {
    await fc.assert(
      fc.asyncProperty(anyAmount, async (amount) => {
        const credit = await creditToZero(amount);
        expect(numberIn(await record(credit.idempotentKey), 'amount')).toBe(shortest(amount));
        expect(numberIn(await balanceItem(credit.userId), 'balance')).toBe(shortest(amount));
      }),
      { numRuns: 100 },
    );
  });
});

describe('sums', () => {
  test('ten debits of 0.1 leave exactly 99', async () => {
    const userId = fresh('user');
    for (let count = 0; count < 10; count += 1) {
      await transact(request({ userId, amount: 0.1, type: 'debit' }));
    }
    expect(numberIn(await balanceItem(userId), 'balance')).toBe(exactly('99'));
    await expect(getCurrentBalance({ userId })).resolves.toBe(99);
  });

  test('0.1 and 0.2 make 0.3', async () => {
    const userId = fresh('user');
    await putBalanceItem({ userId: { S: userId }, balance: { N: '0' } });
    await transact(request({ userId, amount: 0.1 }));
    await transact(request({ userId, amount: 0.2 }));
    expect(numberIn(await balanceItem(userId), 'balance')).toBe(exactly('0.3'));
  });

  test('a debit of the whole balance leaves exactly 0, and a hair more is refused', async () => {
    const userId = fresh('user');
    await transact(request({ userId, amount: 0.1 }));
    await transact(request({ userId, amount: 0.2 }));
    await expect(
      transact(request({ userId, amount: 100.30000000000001, type: 'debit' })),
    ).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    await transact(request({ userId, amount: 100.3, type: 'debit' }));
    expect(numberIn(await balanceItem(userId), 'balance')).toBe(exactly('0'));
  });

  test('follow BigInt arithmetic through any credits and debits', async () => {
    const amount = fc.oneof(
      // Cents, as money mostly comes.
      fc.integer({ min: 1, max: 20_000 }).map((cents) => cents / 100),
      // Decimals of up to 15 digits, which every JavaScript number holds.
      fc
        .tuple(fc.integer({ min: 1, max: 999_999_999_999_999 }), fc.nat({ max: 12 }))
        .map(([digits, places]) => Number(`${digits}e-${places}`)),
      // Doubles of 16 and 17 digits, in a range whose sums fit into 38 digits.
      fc.double({ min: 1e-6, max: 1e10, noNaN: true }),
    );
    const movement = fc.record({ amount, type: fc.constantFrom('credit', 'debit') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(movement, { minLength: 1, maxLength: 12, size: 'max' }),
        async (movements) => {
          const userId = fresh('user');
          let expected = exactly('100');
          for (const { amount, type } of movements) {
            const isCovered = type === 'credit' || expected >= shortest(amount);
            const call = transact(request({ userId, amount, type }));
            if (isCovered) {
              await call;
              expected += type === 'credit' ? shortest(amount) : -shortest(amount);
            } else {
              await expect(call).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
            }
          }
          const item = await balanceItem(userId);
          expect(item === undefined ? exactly('100') : numberIn(item, 'balance')).toBe(expected);
        },
      ),
      { numRuns: 40 },
    );
  });
});
