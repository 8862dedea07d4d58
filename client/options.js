// The options of clients and of createTables, as the native core takes them.

const { invalidOption } = require('./errors.js');
const { namesOf, pick, plain } = require('./properties.js');

// All but `credentials`, which JavaScript looks at itself.
const OPTIONS = [
  'region',
  'endpoint',
  'profile',
  'balancesTable',
  'transactionsTable',
  'defaultBalance',
  'consistentRead',
  'connectTimeout',
  'attemptTimeout',
  'callTimeout',
  'customUserAgent',
];

// With the names of those that there are not, to be refused.
function plainOptions(options) {
  const taken = plain({});
  for (const name of namesOf(options)) {
    taken[name] = undefined;
  }
  for (const name of OPTIONS) {
    const value = pick(options, name);
    if (value !== undefined) {
      taken[name] = value;
    }
  }
  if (isUrl(taken.endpoint)) {
    taken.endpoint = taken.endpoint.href;
  }
  return taken;
}

// A URL of any realm, which the native core could not tell from another object.
function isUrl(value) {
  return Object.prototype.toString.call(value) === '[object URL]';
}

// The options of createTables, with the names of those that there are not, to be refused.
function tablesOptions(options = {}) {
  if (options === null || typeof options !== 'object') {
    throw invalidOption('the options of createTables must be an object');
  }
  try {
    return {
      names: namesOf(options),
      history: pick(options, 'history'),
      holds: pick(options, 'holds'),
    };
  } catch (error) {
    throw invalidOption('reading the options of createTables threw an error', error);
  }
}

// process.env can be a plain object, in Jest for one, and then keeps whatever is assigned. Numbers
// and booleans become text, as in the real one; what else there is, `undefined` and `null` included,
// is not set.
function environment() {
  const variables = plain({});
  for (const [name, value] of Object.entries(process.env)) {
    if (['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
      variables[name] = String(value);
    }
  }
  return variables;
}

module.exports = { environment, plainOptions, tablesOptions };
