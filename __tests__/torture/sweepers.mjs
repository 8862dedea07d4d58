// Two sweepers of expired holds, side by side and beside the calls.

import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./history.mjs').Recorded} Recorded */
/** @typedef {import('../../index.js').BalanceClient} BalanceClient */

/** How long a sweeper rests between two sweeps, in milliseconds. */
const BETWEEN_SWEEPS = 50;

/** What the key of a release by a sweeper ends with. */
export const BY_SWEEPER = '/expired';

/** How a release can end that leaves the hold to the next sweep. */
const PASSING = new Set(['OUTCOME_UNKNOWN', 'NOTHING_HAPPENED']);

/**
 * Sweeps again and again while work is under way.
 *
 * @param {BalanceClient[]} clients a sweeper each
 * @param {Promise<unknown>} work
 */
export async function sweepWhile(clients, work) {
  let released = 0;
  /** @type {string[]} */
  const complaints = [];
  let isOver = false;
  const sweepers = clients.map(async (client) => {
    while (!isOver) {
      // To list the holds may fail, as every request may.
      const swept = await client.releaseExpiredHolds().catch(({ code, message }) => {
        if (!PASSING.has(code)) {
          complaints.push(`a sweep ended with ${message}`);
        }
      });
      released += swept?.released ?? 0;
      for (const { hold, error } of swept?.failures ?? []) {
        if (!PASSING.has(error.code)) {
          complaints.push(`to release the expired ${hold} failed: ${error.message}`);
        }
      }
      await sleep(BETWEEN_SWEEPS);
    }
  });
  try {
    await work;
  } finally {
    isOver = true;
    await Promise.all(sweepers);
  }
  return { released, complaints };
}

/**
 * What the sweepers did, as far as the records tell: that a hold was released by one of them, at some
 * instant.
 *
 * @param {Operation[]} operations of the callers
 * @param {Map<string, Recorded>} records
 * @returns {Operation[]}
 */
export function sweepsAmong(operations, records) {
  const confirmed = new Set(
    operations.flatMap(({ call, answer }) =>
      call.kind === 'close' && answer.code === 'CONFIRMED' ? [call.hold] : [],
    ),
  );
  const invoked = Math.min(...operations.map((operation) => operation.invoked));
  const answered = Math.max(...operations.map((operation) => operation.answered));
  return [...records].flatMap(([hold, { user, hold: status }]) => {
    const key = `${hold}${BY_SWEEPER}`;
    /** @type {Operation} */
    const operation = {
      call: { kind: 'close', by: 'releaseHold', key, hold, users: [user] },
      answer: { code: 'SWEPT' },
      invoked,
      answered,
      client: 'sweeper',
    };
    return status?.closedBy === key && !confirmed.has(hold) ? [operation] : [];
  });
}
