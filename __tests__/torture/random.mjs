// Randomness that a seed repeats. A hash is all it takes: the fault proxy has to decide by the
// number of a request, in whatever order requests come, and a generator is the same hash of a
// counter. (`pure-rand` has generators only.)

/** @typedef {string | number} Part */

/**
 * 53 even bits from a seed and whatever else the decision depends on: between 0 and 1.
 *
 * @param {...Part} parts
 */
export function chance(...parts) {
  // cyrb53 by bryc, public domain: two multiplicative hashes that are mixed at the end.
  const text = parts.join('\0');
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 2654435761);
    high = Math.imul(high ^ unit, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return ((high & 0x1fffff) * 2 ** 32 + (low >>> 0)) / 2 ** 53;
}

/** A stream of decisions. */
export class Random {
  #parts;
  #drawn = 0;

  /** @param {...Part} parts what the stream depends on */
  constructor(...parts) {
    this.#parts = parts;
  }

  /** Between 0 and 1. */
  fraction() {
    this.#drawn += 1;
    return chance(...this.#parts, this.#drawn);
  }

  /**
   * A whole number from `lowest` up to and with `highest`.
   *
   * @param {number} lowest
   * @param {number} highest
   */
  whole(lowest, highest) {
    return lowest + Math.floor(this.fraction() * (highest - lowest + 1));
  }

  /**
   * @template T
   * @param {readonly T[]} choices
   * @returns {T}
   */
  pick(choices) {
    const choice = choices[this.whole(0, choices.length - 1)];
    if (choice === undefined) {
      throw new Error('nothing to pick from');
    }
    return choice;
  }
}
