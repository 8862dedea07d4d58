// What every runtime must manage: both functions, an error with its code, and an end by itself.

const { BalanceError, getCurrentBalance, transact } = require('dynamodb-balance');

async function tellStory() {
  const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
  await transact({ idempotentKey: `${userId}-1`, userId, amount: 30.1, type: 'debit' });
  const balance = await getCurrentBalance({ userId });
  const tooMuch = { idempotentKey: `${userId}-2`, userId, amount: 500, type: 'debit' };
  const error = await transact(tooMuch).catch((error) => error);
  process.stdout.write(`${balance} ${error.code} ${error instanceof BalanceError}\n`);
}

void tellStory();
