// Debits a user as a request asks for it.

import { BalanceError, getCurrentBalance, transact } from 'dynamodb-balance';

export async function POST(request) {
  const { userId, idempotentKey, amount } = await request.json();
  try {
    await transact({ idempotentKey, userId, amount, type: 'debit' });
    return Response.json({ balance: await getCurrentBalance({ userId }) });
  } catch (error) {
    if (error instanceof BalanceError && error.code === 'INSUFFICIENT_BALANCE') {
      return Response.json({ code: error.code }, { status: 402 });
    }
    throw error;
  }
}
