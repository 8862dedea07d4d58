// Releases the holds that have expired, page by page.

const { listExpiredHolds, releaseExpiredHold } = require('./operations.js');
const { plain } = require('./properties.js');

// How many expired holds a sweep releases at once: nearly as fast as all of a page (on DynamoDB Local, with and without
// 20 ms of latency, for one user and for 60), and within the deadline of a call down to some 10 releases a second.
const RELEASES_AT_ONCE = 256;

const CLOSED_BY_OTHERS = ['HOLD_CAPTURED', 'HOLD_RELEASED', 'HOLD_NOT_FOUND'];

class Sweep {
  #core;
  #context;
  #options;
  #onProgress;
  #released = 0;
  #failures = [];

  constructor(core, context, options, onProgress) {
    this.#core = core;
    this.#context = context;
    this.#options = options;
    this.#onProgress = onProgress;
  }

  async run() {
    let after;
    do {
      const page = plain(
        await this.#core.carryOut(listExpiredHolds, { after }, this.#options, this.#context),
      );
      await this.#releaseAll(page.holds);
      after = page.next;
    } while (after !== undefined);
    return { released: this.#released, failures: this.#failures };
  }

  // A page has thousands of holds, and the deadline of a call begins when it is accepted.
  async #releaseAll(holds) {
    const waiting = holds.map(({ idempotentKey }) => idempotentKey).reverse();
    const releaseOneByOne = async () => {
      while (waiting.length > 0) {
        await this.#release(waiting.pop());
        this.#tellProgress();
      }
    };
    try {
      this.#tellProgress();
      await Promise.all(Array.from({ length: RELEASES_AT_ONCE }, releaseOneByOne));
    } finally {
      // Where onProgress throws, nothing further is released.
      waiting.length = 0;
    }
  }

  // Whoever else has captured or released it was faster, which is fine.
  async #release(hold) {
    try {
      const { replayed } = await this.#core.carryOut(
        releaseExpiredHold,
        { hold },
        this.#options,
        this.#context,
      );
      this.#released += replayed ? 0 : 1;
    } catch (error) {
      if (!CLOSED_BY_OTHERS.includes(error?.code)) {
        this.#failures.push({ hold, error });
      }
    }
  }

  #tellProgress() {
    const onProgress = this.#onProgress;
    onProgress?.({ released: this.#released, failed: this.#failures.length });
  }
}

module.exports = { Sweep };
