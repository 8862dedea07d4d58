// Code that imports the functions, and is handed no client.

import { transact } from 'dynamodb-balance';

/** Gives a new user 10 to begin with. */
export async function welcome(userId: string): Promise<void> {
  const idempotentKey = `welcome/${userId}`;
  await transact({ idempotentKey, userId, amount: 10, type: 'credit' });
}
