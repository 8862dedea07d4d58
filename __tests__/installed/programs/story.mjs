// The story of story.cjs, with the named imports of an ES module.

import { BalanceError, getCurrentBalance, transact } from 'dynamodb-balance';

const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
await transact({ idempotentKey: `${userId}-1`, userId, amount: 30.1, type: 'debit' });
const balance = await getCurrentBalance({ userId });
const tooMuch = { idempotentKey: `${userId}-2`, userId, amount: 500, type: 'debit' };
const error = await transact(tooMuch).catch((error) => error);
process.stdout.write(`${balance} ${error.code} ${error instanceof BalanceError}\n`);
