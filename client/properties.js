// Reading and defining properties of objects that others made.

const { hasOwnProperty: isOwn } = Object.prototype;

// How deep classes are looked through for a property, where Object.prototype has one of that name.
const MAX_CLASSES = 100;

// A property that the object or its class has. What somebody has put on Object.prototype is nobody's
// option, and nobody's money.
function pick(object, name) {
  if (!(name in Object.prototype)) {
    return object[name];
  }
  let holder = object;
  for (let depth = 0; depth < MAX_CLASSES && holder !== null; depth += 1) {
    if (holder === Object.prototype) {
      return undefined;
    }
    if (isOwn.call(holder, name)) {
      return object[name];
    }
    holder = Object.getPrototypeOf(holder);
  }
  return undefined;
}

// All names that were given, those that a class gives included.
function namesOf(options) {
  const names = [];
  for (const name in options) {
    if (!(name in Object.prototype) || isOwn.call(options, name)) {
      names.push(name);
    }
  }
  return names;
}

// Without a prototype: whoever reads it finds what was put there and nothing else.
function plain(properties) {
  return Object.assign(Object.create(null), properties);
}

function define(object, name, value) {
  Object.defineProperty(object, name, plain({ value, writable: true, configurable: true }));
}

module.exports = { define, namesOf, pick, plain };
