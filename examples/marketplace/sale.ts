// A marketplace: a buyer pays, the seller gets the price less a fee, and the platform gets the fee. All of
// it happens or none of it, and a sale that is sent again is not paid again.

import { BalanceClient, BalanceError, type Transaction } from 'dynamodb-balance';

const client = new BalanceClient();

export interface Sale {
  /** The order's own identifier. */
  id: string;
  buyer: string;
  seller: string;
  /** In cents, so that the fee is a whole number. */
  price: bigint;
}

export type Outcome =
  | { status: 'paid'; receipt: Transaction; isRepeated: boolean }
  | { status: 'declined'; available: string };

const PLATFORM = 'platform';
const FEE_PER_CENT = 10n;

export async function pay({ id, buyer, seller, price }: Sale): Promise<Outcome> {
  const fee = (price * FEE_PER_CENT) / 100n;
  const metadata = { order: id };
  try {
    const { transactions, replayed } = await client.createTransactions({
      transactions: [
        { idempotentKey: `${id}/pay`, userId: buyer, amount: price, type: 'debit', metadata },
        {
          idempotentKey: `${id}/sell`,
          userId: seller,
          amount: price - fee,
          type: 'credit',
          metadata,
        },
        { idempotentKey: `${id}/fee`, userId: PLATFORM, amount: fee, type: 'credit', metadata },
      ],
    });
    const [receipt] = transactions as [Transaction, ...Transaction[]];
    return { status: 'paid', receipt, isRepeated: replayed };
  } catch (error) {
    // Whatever else it is, whoever called may call again: the keys are the order's.
    if (error instanceof BalanceError && error.code === 'INSUFFICIENT_BALANCE') {
      return { status: 'declined', available: error.available ?? '0' };
    }
    throw error;
  }
}

/** Money from one user to another, or not at all. */
export async function transfer(
  id: string,
  from: string,
  to: string,
  amount: string,
): Promise<void> {
  await client.createTransactions({
    transactions: [
      { idempotentKey: `${id}/out`, userId: from, amount, type: 'debit' },
      { idempotentKey: `${id}/in`, userId: to, amount, type: 'credit' },
    ],
  });
}
