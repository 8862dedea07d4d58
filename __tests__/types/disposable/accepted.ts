// What compiles where TypeScript knows Symbol.asyncDispose.

import { BalanceClient } from 'dynamodb-balance';

export async function scope(): Promise<number> {
  await using client = new BalanceClient();
  const disposable: AsyncDisposable = client;
  await disposable[Symbol.asyncDispose]();
  return await client.getCurrentBalance({ userId: 'a' });
}
