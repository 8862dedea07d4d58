// What the exit code says. Scripts depend on these: docs/command-line.md lists them.

const EXIT = Object.freeze({
  SUCCESS: 0,
  FINDINGS: 1,
  USAGE: 2,
  REFUSED: 3,
  DUPLICATE: 4,
  OUTCOME_UNKNOWN: 5,
  TRY_AGAIN: 6,
  CONFIGURATION: 7,
  ENDANGERED: 8,
  DEFECT: 70,
  INTERRUPTED: 130,
});

/** @type {Record<import('..').BalanceErrorCode, number>} */
const EXIT_CODES = {
  INVALID_INPUT: EXIT.USAGE,
  INVALID_IDEMPOTENT_KEY: EXIT.USAGE,
  INVALID_USER_ID: EXIT.USAGE,
  INVALID_AMOUNT: EXIT.USAGE,
  INVALID_TYPE: EXIT.USAGE,
  INVALID_METADATA: EXIT.USAGE,
  INVALID_TRANSACTIONS: EXIT.USAGE,
  INVALID_HOLD: EXIT.USAGE,
  INVALID_EXPIRES_AT: EXIT.USAGE,
  INVALID_CURSOR: EXIT.USAGE,
  INVALID_OPTION: EXIT.USAGE,
  AMOUNT_OUT_OF_RANGE: EXIT.REFUSED,
  DUPLICATE_TRANSACTION: EXIT.DUPLICATE,
  IDEMPOTENT_KEY_REUSED: EXIT.REFUSED,
  INSUFFICIENT_BALANCE: EXIT.REFUSED,
  HOLD_NOT_FOUND: EXIT.REFUSED,
  HOLD_CAPTURED: EXIT.REFUSED,
  HOLD_RELEASED: EXIT.REFUSED,
  HOLD_EXPIRED: EXIT.REFUSED,
  HOLD_EXCEEDED: EXIT.REFUSED,
  CORRUPT_BALANCE: EXIT.REFUSED,
  TABLE_NOT_FOUND: EXIT.CONFIGURATION,
  TABLE_MISMATCH: EXIT.CONFIGURATION,
  INDEX_NOT_FOUND: EXIT.CONFIGURATION,
  ACCESS_DENIED: EXIT.CONFIGURATION,
  NO_CREDENTIALS: EXIT.CONFIGURATION,
  CREDENTIALS_REJECTED: EXIT.CONFIGURATION,
  NOTHING_HAPPENED: EXIT.TRY_AGAIN,
  OUTCOME_UNKNOWN: EXIT.OUTCOME_UNKNOWN,
  TOO_MANY_CALLS: EXIT.TRY_AGAIN,
  CLIENT_CLOSED: EXIT.DEFECT,
  SERVICE_ERROR: EXIT.CONFIGURATION,
  INTERNAL_ERROR: EXIT.DEFECT,
};

const EXIT_CODES_HELP = `
Exit codes:
  0    done, and nothing is wrong
  1    tables check or audit found something wrong, or some holds could not be released
  2    the command line is wrong; nothing was changed
  3    refused; no money moved (insufficient balance, key used for another request, …)
  4    duplicate: this very request was recorded before; treat it as done
  5    outcome unknown: money may have moved; run the same command with the same key
  6    no answer or no verdict, and nothing happened; run it again
  7    a problem with tables, permissions, credentials or the service
  8    tables check: both can be used, but a setting is dangerous
  70   a bug in this program
  130  interrupted`;

/**
 * @param {unknown} error
 * @returns {number}
 */
function exitCodeOf(error) {
  const code = Object(error).code;
  return Object.entries(EXIT_CODES).find(([known]) => known === code)?.[1] ?? EXIT.DEFECT;
}

module.exports = { EXIT, EXIT_CODES, EXIT_CODES_HELP, exitCodeOf };
