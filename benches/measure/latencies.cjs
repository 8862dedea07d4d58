// How often a call took how long, in a memory of fixed size: it must not count as the peer's. Unlike
// the histograms of Node, those of several processes can be added.

/** Each class is longer than the one before by 0.2 %; the shortest is 1 µs, the longest 100 s. */
const STEP = 1.002;
const SHORTEST = 0.001;
const CLASSES = Math.ceil(Math.log(1e8) / Math.log(STEP));

/** The latencies of one process, in milliseconds. */
class Latencies {
  #counts = new Uint32Array(CLASSES);

  /** @param {number} milliseconds */
  record(milliseconds) {
    const index = Math.round(Math.log(milliseconds / SHORTEST) / Math.log(STEP));
    const nearest = Math.min(Math.max(index, 0), CLASSES - 1);
    this.#counts[nearest] = Number(this.#counts[nearest]) + 1;
  }

  reset() {
    this.#counts.fill(0);
  }

  /** As they are sent to another process. */
  counts() {
    return Array.from(this.#counts);
  }
}

/**
 * Of all calls of some processes.
 *
 * @param {number[][]} processes the counts of each
 * @param {number} percent
 */
function percentile(processes, percent) {
  const countOf = (/** @type {number} */ index) =>
    processes.reduce((sum, counts) => sum + Number(counts[index]), 0);
  const total = processes.flat().reduce((sum, count) => sum + count, 0);
  let upToHere = 0;
  for (let index = 0; index < CLASSES; index += 1) {
    upToHere += countOf(index);
    if (upToHere > 0 && upToHere >= (total * percent) / 100) {
      return SHORTEST * STEP ** index;
    }
  }
  return Number.NaN;
}

module.exports = { Latencies, percentile };
