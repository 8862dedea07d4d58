// A Lambda function on a schedule, every five minutes say: gives back the money of holds that have expired.
// It needs the index OpenHolds and the holds policy. Several at once do no harm.

import { BalanceClient } from 'dynamodb-balance';

const client = new BalanceClient();

export async function sweep(): Promise<{ released: number }> {
  const { released, failures } = await client.releaseExpiredHolds();
  for (const { hold, error } of failures) {
    process.stderr.write(`still open: ${hold}: ${error.code}: ${error.message}\n`);
  }
  if (failures.some(({ error }) => !error.retryable)) {
    // Somebody has to look: the next run will not release them either.
    throw new Error(`${failures.length} holds were not released`);
  }
  return { released };
}
