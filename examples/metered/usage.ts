// A metered job: what it may cost at most is held before it runs, and what it used is captured after it. All
// keys are the job's, so that whoever repeats the job after a crash pays nothing twice.

import { BalanceClient, BalanceError } from 'dynamodb-balance';

const client = new BalanceClient();

export interface Job {
  /** The job's own identifier. */
  id: string;
  userId: string;
  /** What it may cost at most: a decimal, such as '5.00'. */
  estimate: string;
}

export type Outcome =
  | { status: 'done'; charged: string }
  | { status: 'declined'; available: string }
  | { status: 'expired' };

/** How long a job may take, with all of its repetitions. After that its money goes back. */
const ONE_HOUR = 3_600_000;

export async function runMetered(job: Job, run: (job: Job) => Promise<string>): Promise<Outcome> {
  const hold = job.id;
  try {
    await client.createHold({
      idempotentKey: hold,
      userId: job.userId,
      amount: job.estimate,
      expiresAt: new Date(Date.now() + ONE_HOUR),
    });
  } catch (error) {
    if (error instanceof BalanceError && error.code === 'INSUFFICIENT_BALANCE') {
      return { status: 'declined', available: error.available ?? '0' };
    }
    throw error;
  }
  const used = await run(job);
  try {
    const idempotentKey = `${job.id}/used`;
    if (Number(used) === 0) {
      await client.releaseHold({ idempotentKey, hold });
    } else {
      await client.captureHold({ idempotentKey, hold, amount: used });
    }
    return { status: 'done', charged: used };
  } catch (error) {
    // A sweeper may have given the money back already, which comes to the same.
    if (error instanceof BalanceError && ['HOLD_EXPIRED', 'HOLD_RELEASED'].includes(error.code)) {
      return { status: 'expired' };
    }
    throw error;
  }
}
