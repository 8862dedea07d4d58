// Whether the reason of a failure may pass, as far as an error of somebody else's says so.

const { pick } = require('./properties.js');

// By the names that the AWS SDK for JavaScript has for them and the codes that Node has.
const PASSING = [
  'TimeoutError',
  'RequestTimeout',
  'RequestTimeoutException',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
];

// How deep the causes of an error are looked through.
const MAX_CAUSES = 10;

// The error can be anything, and reading it may throw.
function mayPass(error) {
  try {
    let current = error;
    for (let depth = 0; depth < MAX_CAUSES && isObject(current); depth += 1) {
      if (saysThatItMayPass(current)) {
        return true;
      }
      current = pick(current, 'cause');
    }
  } catch {}
  return false;
}

function saysThatItMayPass(error) {
  const status = pick(error, '$metadata')?.httpStatusCode;
  return (
    pick(error, 'retryable') === true ||
    isObject(pick(error, '$retryable')) ||
    pick(error, '$fault') === 'server' ||
    status === 429 ||
    status >= 500 ||
    PASSING.includes(pick(error, 'name')) ||
    PASSING.includes(pick(error, 'code'))
  );
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

module.exports = { mayPass };
