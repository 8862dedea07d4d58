// Money as whole cents, so that the judges never count in binary floating point.

/** What a user without a balance has. */
export const DEFAULT_BALANCE = 10_000;

/**
 * What users have at the start whose balance somebody else has stored; all others have the default.
 *
 * @typedef {ReadonlyMap<string, number>} Openings
 */

/**
 * An amount as callers pass it: 1234 cents are 12.34, the double whose shortest decimal is that.
 *
 * @param {number} cents
 */
export function toAmount(cents) {
  return cents / 100;
}

/**
 * Whole cents from a decimal as JavaScript or DynamoDB prints it. `undefined` if it is not a
 * whole number of cents: then somebody has rounded.
 *
 * @param {string | number} decimal
 */
export function toCents(decimal) {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(String(decimal));
  if (match === null) {
    return undefined;
  }
  const [, sign, whole = '', fraction = ''] = match;
  return Number(`${sign}${whole}${fraction.padEnd(2, '0')}`);
}
