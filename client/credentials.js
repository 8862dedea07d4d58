// Credentials as the native core takes them: checked data, or a function that never rejects.

const binding = require('../binding.js');
const { BalanceError, invalidOption, isFailure } = require('./errors.js');
const { mayPass } = require('./passing-errors.js');
const { pick, plain } = require('./properties.js');

// How many errors of a credentials function are kept for those whose calls they ended.
const MAX_KEPT_FAILURES = 16;

// Apart from the client, which could otherwise never be collected: the native core holds the function.
class CredentialsOption {
  source;
  #failures = new Map();
  #lastFailure = 0;

  constructor(credentials, profile) {
    if (typeof credentials === 'function') {
      this.source = (region) => this.#ask(credentials, callerContext(region, profile));
    } else if (credentials !== undefined) {
      this.source = checkCredentials(credentials);
    }
  }

  async #ask(credentials, context) {
    try {
      return plain({ credentials: checkCredentials(await credentials(context)) });
    } catch (error) {
      return plain({ complaint: this.#remember(error), mayPass: mayPass(error) });
    }
  }

  // The error itself cannot pass through the native core; words with its number can.
  #remember(error) {
    this.#lastFailure += 1;
    this.#failures.set(this.#lastFailure, { error });
    this.#failures.delete(this.#lastFailure - MAX_KEPT_FAILURES);
    return `the credentials function failed (failure ${this.#lastFailure})`;
  }

  failureBehind(complaint) {
    const [, number] = /the credentials function failed \(failure (\d+)\)/.exec(complaint) ?? [];
    return this.#failures.get(Number(number));
  }
}

// What the AWS SDK for JavaScript tells a provider.
function callerContext(region, profile) {
  const callerClientConfig = { region: async () => region };
  return {
    callerClientConfig:
      profile === undefined ? callerClientConfig : { ...callerClientConfig, profile },
  };
}

function checkCredentials(credentials) {
  if (credentials === null || typeof credentials !== 'object') {
    throw invalidOption('credentials must be an object or a function that returns one');
  }
  const expiration = pick(credentials, 'expiration');
  // A Date of any realm; whatever else it is, the native core refuses it by its type.
  const isDate = typeof expiration?.getTime === 'function';
  const checked = binding.checkCredentials(
    pick(credentials, 'accessKeyId'),
    pick(credentials, 'secretAccessKey'),
    pick(credentials, 'sessionToken'),
    isDate ? expiration.getTime() : expiration,
  );
  if (isFailure(checked)) {
    throw new BalanceError(checked);
  }
  return plain(checked);
}

module.exports = { CredentialsOption };
