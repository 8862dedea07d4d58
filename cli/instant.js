// Instants from the command line: a day, which begins in UTC, or a time with its zone. A time without
// one would be another instant on another machine.

const { InvalidArgumentError } = require('commander');

const DAY = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * @param {string} text
 * @returns {Date}
 */
function parseInstant(text) {
  const instant = new Date(text);
  const isSpeltRight = DAY.test(text) || TIME.test(text);
  if (!isSpeltRight || Number.isNaN(instant.getTime()) || !isDay(text.slice(0, 10))) {
    throw new InvalidArgumentError(
      'It must be a day such as 2024-05-06, in UTC, or a time with its zone such as 2024-05-06T07:08:09Z.',
    );
  }
  return instant;
}

/**
 * February has no 30th, which `Date` takes for the 1st of March.
 *
 * @param {string} day
 */
function isDay(day) {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

module.exports = { parseInstant };
