// When the calls of independent callers are due, as a seed repeats it.

import { Random } from '../../__tests__/torture/random.mjs';

/**
 * A Poisson process: the pauses between two arrivals are exponential.
 *
 * @param {object} arrivals
 * @param {number} arrivals.perSecond
 * @param {number} arrivals.seconds
 * @param {(string | number)[]} arrivals.seed
 * @returns {number[]} in milliseconds
 */
export function drawArrivals({ perSecond, seconds, seed }) {
  const random = new Random(...seed);
  const due = [];
  for (let at = 0; ; ) {
    at += -Math.log(1 - random.fraction()) / perSecond;
    if (at >= seconds) {
      return due;
    }
    due.push(at * 1000);
  }
}
