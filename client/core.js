// The native core as a client uses it: hands calls over, and turns what is answered into results and
// errors.

const { Calls } = require('./calls.js');
const { watch } = require('./cancellation.js');
const { CredentialsOption } = require('./credentials.js');
const { BalanceError, clientClosed, isFailure, known } = require('./errors.js');
const { read } = require('./input.js');
const { plainOptions, tablesOptions } = require('./options.js');
const { pick, plain } = require('./properties.js');

class Core {
  #native;
  #credentials;
  #calls = new Calls();
  #isFlushing = false;
  #isInLambda = Boolean(process.env.AWS_LAMBDA_FUNCTION_NAME);
  #trace;
  #tablesBeingMade = new Set();
  #isClosed = false;
  #closing;

  constructor(options, open) {
    this.#credentials = new CredentialsOption(
      pick(options, 'credentials'),
      pick(options, 'profile'),
    );
    this.#native = this.#settle(
      open(plainOptions(options), this.#calls.deliver, this.#credentials.source),
    );
  }

  // What nobody has subscribed to costs a look at that.
  run(operation, input, options) {
    return operation.channel.hasSubscribers
      ? this.trace(operation.channel, input, (context) =>
          this.carryOut(operation, input, options, context),
        )
      : this.carryOut(operation, input, options);
  }

  // Awaits here, in a method that the caller awaits: an error that is made afterwards has a stack
  // that leads to the caller. It is the only one, because thousands may wait.
  async carryOut(operation, input, options, context) {
    const { advice, cancel, form } = operation;
    let cancellation;
    try {
      const begin = read(input, operation.read);
      cancellation = watch(options);
      const outcome = await this.#begin(begin, cancel, cancellation, context);
      return form(this.#settle(outcome, cancellation));
    } catch (error) {
      throw known(error, advice);
    } finally {
      cancellation?.stop();
    }
  }

  #begin(begin, cancel, cancellation, context) {
    if (this.#isInLambda) {
      this.#passTrace();
    }
    const observed = context === undefined ? begin : this.#observed(context, begin);
    if (cancellation === undefined) {
      return this.#calls.begin(this.#native, observed, this.#flush);
    }
    const watched = (native, number) => {
      const failure = observed(native, number);
      cancellation.start(() => cancel(native, number));
      return failure;
    };
    return this.#calls.begin(this.#native, watched, this.#flush);
  }

  async createTables(options) {
    const { names, history, holds } = tablesOptions(options);
    if (this.#isClosed) {
      throw clientClosed();
    }
    const outcome = this.#calls.begin(this.#native, (native, number) =>
      native.createTables(number, names, history, holds),
    );
    this.#tablesBeingMade.add(outcome);
    try {
      this.#settle(await outcome);
    } catch (error) {
      throw known(error, 'Tables may have been made: call again.');
    } finally {
      this.#tablesBeingMade.delete(outcome);
    }
  }

  async trace(channel, input, work) {
    return await channel.trace(input, this.#native.tables(), work);
  }

  statistics() {
    return this.#native.statistics();
  }

  async close() {
    this.#isClosed = true;
    this.#closing = this.#closing ?? this.#end();
    await this.#closing;
  }

  async #end() {
    const close = () => this.#calls.begin(this.#native, (native, number) => native.close(number));
    await Promise.all([close(), ...this.#tablesBeingMade]);
    // What was answered together with it gets to its callers first: answers that come later come in
    // a later turn. (A timer would say so as well, but tests replace those.)
    await close();
    this.#native.release();
  }

  // The native core notes down what becomes of a call from before it is made.
  #observed(context, begin) {
    return (native, number) => {
      native.observe(number);
      const failure = begin(native, number);
      if (isFailure(failure)) {
        native.disregard(number);
      } else {
        this.#calls.observe(number, context);
      }
      return failure;
    };
  }

  // In AWS Lambda each invocation has a trace of its own, which the environment names.
  #passTrace() {
    const { _X_AMZN_TRACE_ID: value } = process.env;
    const trace = typeof value === 'string' ? value : undefined;
    if (trace !== this.#trace) {
      this.#trace = trace;
      this.#native.setTrace(trace);
    }
  }

  // Calls made in one go leave together, as soon as JavaScript has nothing else to do.
  #flush = () => {
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      void Promise.resolve().then(() => {
        this.#isFlushing = false;
        this.#native.flush();
      });
    }
  };

  #settle(outcome, cancellation) {
    if (!isFailure(outcome)) {
      return outcome;
    }
    throw new BalanceError(plain({ ...outcome, cause: this.#cause(outcome, cancellation) }));
  }

  // What JavaScript knows of a cause is more than what the native core does.
  #cause(outcome, cancellation) {
    const cause = pick(outcome, 'cause');
    if (cause === undefined) {
      // Whatever ended in another way was not ended by the signal, aborted or not.
      return outcome.message.includes(': the call was cancelled.')
        ? cancellation?.reason()
        : undefined;
    }
    const thrown = this.#credentials.failureBehind(cause.message);
    if (thrown !== undefined) {
      return thrown.error;
    }
    return Object.assign(new Error(cause.message), { name: cause.name });
  }
}

module.exports = { Core };
