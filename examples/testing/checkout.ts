// An application's own code, as it is tested beside it: a purchase that is paid from a balance.

import { BalanceError, type BalanceOperations } from 'dynamodb-balance';

export interface Order {
  id: string;
  userId: string;
  amount: string;
}

export type Payment = 'paid' | 'declined';

/** How often an order is tried whose outcome stays unknown. */
const ATTEMPTS = 3;

/** Pays an order, once, however often it is called. */
export async function pay(balances: BalanceOperations, order: Order): Promise<Payment> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await balances.createTransaction({
        idempotentKey: order.id,
        userId: order.userId,
        amount: order.amount,
        type: 'debit',
      });
      return 'paid';
    } catch (error) {
      if (!(error instanceof BalanceError)) {
        throw error;
      }
      if (error.code === 'INSUFFICIENT_BALANCE') {
        return 'declined';
      }
      // With the same key it cannot be paid twice.
      if (!error.retryable || attempt === ATTEMPTS) {
        throw error;
      }
    }
  }
}
