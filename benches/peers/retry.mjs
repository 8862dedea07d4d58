// What a careful user of the AWS SDK writes around it: the SDK does not repeat cancelled
// transactions, and its own pauses start too long for a conflict.

import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 1000;
const CALL_TIMEOUT = 25_000;

const PASSING = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ThrottlingException',
  'ProvisionedThroughputExceeded',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'TransactionInProgressException',
  'InternalServerError',
]);

/**
 * Repeats an attempt with full jitter until it succeeds, fails for good, or time is up.
 *
 * @template T
 * @param {(answered: boolean) => Promise<T>} attempt told whether the one before was answered
 * @returns {Promise<T>}
 */
export async function retrying(attempt) {
  const deadline = performance.now() + CALL_TIMEOUT;
  let answered = true;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await attempt(answered);
    } catch (error) {
      if (performance.now() > deadline || !isPassing(error)) {
        throw error;
      }
      answered = namesOf(error).includes('TransactionCanceledException');
      await sleep(Math.random() * pause);
    }
  }
}

/** @param {unknown} error */
function isPassing(error) {
  const names = namesOf(error);
  return (
    names.some((name) => PASSING.has(name)) ||
    // Lost connections and server errors.
    /** @type {any} */ (error).$metadata?.httpStatusCode >= 500 ||
    /** @type {any} */ (error).$metadata?.httpStatusCode === undefined
  );
}

/**
 * The name of an error, and those of the reasons why a transaction was cancelled.
 *
 * @param {any} error
 * @returns {string[]}
 */
function namesOf(error) {
  const reasons = error.CancellationReasons ?? [];
  return [error.name, ...reasons.map((/** @type {any} */ reason) => reason.Code)];
}
