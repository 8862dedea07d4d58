// The calls of a client that wait for their outcome. Apart from the client, which could otherwise
// never be collected: the native core holds `deliver`.

const { tell } = require('../tracing.js');
const { isFailure } = require('./errors.js');
const { callBegins, callsEnd, prepareKeepAlive } = require('./keep-alive.js');

class Calls {
  #waiting = new Map();
  #observed = new Map();
  #last = 0;

  constructor() {
    prepareKeepAlive();
  }

  // Hands a call with a number of its own to the native core, which answers it at once, with a
  // failure, or later through `deliver`.
  begin(native, submit, onAccepted) {
    return new Promise((resolve) => {
      this.#last += 1;
      const failure = submit(native, this.#last);
      if (isFailure(failure)) {
        resolve(failure);
        return;
      }
      this.#waiting.set(this.#last, resolve);
      callBegins();
      onAccepted?.();
    });
  }

  observe(number, operation) {
    this.#observed.set(number, operation);
  }

  // Requests are told of before the operations that they answered end.
  deliver = (numbers, outcomes, notes) => {
    try {
      if (notes !== null) {
        tell(notes, this.#observed);
      }
    } finally {
      this.#answer(numbers, outcomes);
    }
  };

  #answer(numbers, outcomes) {
    for (let index = 0; index < numbers.length; index += 1) {
      const number = numbers[index];
      this.#waiting.get(number)(outcomes[index]);
      this.#waiting.delete(number);
      this.#observed.delete(number);
    }
    callsEnd(numbers.length);
  }
}

module.exports = { Calls };
