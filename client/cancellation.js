// Passes the callers' AbortSignals on. They cannot leave this thread; the number of a call can.

const { invalidOption } = require('./errors.js');
const { pick } = require('./properties.js');

function watch(options) {
  if (options === undefined) {
    return undefined;
  }
  try {
    const signal = pick(options, 'signal');
    return signal === undefined ? undefined : new Cancellation(signal);
  } catch (error) {
    throw invalidOption('signal must be an AbortSignal', error);
  }
}

class Cancellation {
  #signal;
  #subscription;
  #isAborted;
  #cancel;

  constructor(signal) {
    this.#signal = signal;
    this.#subscription = Subscription.to(signal);
    this.#subscription.add(this);
    try {
      this.#isAborted = signal.aborted || this.#isAborted;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  start(cancel) {
    this.#cancel = cancel;
    if (this.#isAborted) {
      cancel();
    }
  }

  note() {
    this.#isAborted = true;
    this.#cancel?.();
  }

  stop() {
    this.#subscription.remove(this);
  }

  reason() {
    try {
      return this.#signal.aborted ? this.#signal.reason : undefined;
    } catch {
      return undefined;
    }
  }
}

// The one listener on a signal, for all the calls that were given it: a server may well pass one to
// a thousand calls, and Node takes more than ten listeners for a leak.
class Subscription {
  static #current = new WeakMap();

  #signal;
  #cancellations = new Set();
  #tell = () => {
    for (const cancellation of [...this.#cancellations]) {
      cancellation.note();
    }
  };

  constructor(signal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#tell);
  }

  static to(signal) {
    const current = Subscription.#current.get(signal) ?? new Subscription(signal);
    Subscription.#current.set(signal, current);
    return current;
  }

  add(cancellation) {
    this.#cancellations.add(cancellation);
  }

  remove(cancellation) {
    this.#cancellations.delete(cancellation);
    if (this.#cancellations.size > 0) {
      return;
    }
    Subscription.#current.delete(this.#signal);
    // What only looks like a signal must not spoil the answer.
    try {
      this.#signal.removeEventListener('abort', this.#tell);
    } catch {}
  }
}

module.exports = { watch };
