// The story of story.cjs in TypeScript.

import { BalanceError, getCurrentBalance, type TransactInput, transact } from 'dynamodb-balance';

async function tellStory(): Promise<void> {
  const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
  await transact({ idempotentKey: `${userId}-1`, userId, amount: 30.1, type: 'debit' });
  const balance: number = await getCurrentBalance({ userId });
  const tooMuch: TransactInput = {
    idempotentKey: `${userId}-2`,
    userId,
    amount: 500,
    type: 'debit',
  };
  const error: unknown = await transact(tooMuch).catch((error: unknown) => error);
  process.stdout.write(`${balance} ${error instanceof BalanceError ? error.code : error}\n`);
}

void tellStory();
