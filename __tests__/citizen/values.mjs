// JavaScript values of every type, the hostile ones included. They are generated as recipes, since
// a value such as a revoked proxy cannot even be printed.

import process from 'node:process';
import { runInNewContext } from 'node:vm';

import * as fc from 'fast-check';

/** @typedef {() => unknown} Make */

/** @typedef {{ make: Make, toString: () => string }} Recipe */

/** @typedef {fc.Arbitrary<Recipe>} Recipes */

/** Well-known property names, so that generated objects have them. */
const NAMES = [
  ...['idempotentKey', 'userId', 'amount', 'type', 'signal', 'aborted', 'reason', 'code'],
  ...['accessKeyId', 'secretAccessKey', 'sessionToken', 'expiration', 'getTime', 'then'],
  ...['region', 'endpoint', 'credentials', 'callTimeout', 'defaultBalance', '__proto__', 'length'],
];

/** Built once: generating them each time would take all the time there is. */
const HUGE = ['x'.repeat(2 ** 20), 'é'.repeat(2 ** 20), `${'😀'.repeat(2 ** 19)}\ud83d`];

const fail = () => {
  throw new Error('for this test');
};

/** Values that fight back, each made anew. @type {Make[]} */
const HOSTILE = [
  () => revoked({}),
  () => revoked(() => undefined),
  () => revoked([]),
  () => new Proxy({}, {}),
  () => new Proxy({}, trapsThat(fail)),
  () => new Proxy(fail, trapsThat(fail)),
  () => new Proxy({}, { ownKeys: fail }),
  () => new Proxy({}, { getOwnPropertyDescriptor: fail, ownKeys: () => ['region'] }),
  () => new Proxy({}, { getPrototypeOf: fail }),
  () => new Proxy({}, { get: () => Symbol('got') }),
  () => bottomless(),
  () => ({ valueOf: fail, toString: fail, toJSON: fail }),
  () => ({ [Symbol.toPrimitive]: fail, [Symbol.toStringTag]: 'String' }),
  () => ({ [Symbol.toPrimitive]: () => 'credit', valueOf: () => 1, toString: () => 'x' }),
  () => ({
    get [Symbol.toStringTag]() {
      return fail();
    },
  }),
  () => Object.assign(() => 'x', { toString: fail }),
  () => Symbol('x'),
  () => Symbol.iterator,
  () => Object(Symbol('x')),
  () => Object(1n),
  () => class {},
  () => async () => 'x',
  () =>
    (function* generate() {
      yield 1;
    })(),
  () => fail,
  () => 2n ** 4096n,
  () => new Array(2 ** 32 - 1),
  () => Object.assign([], { userId: 'x', 5: 1 }),
  () => detached(),
  () => new SharedArrayBuffer(8),
  () => new DataView(new ArrayBuffer(8)),
  () => Buffer.from('credit'),
  () => new WeakMap(),
  () => new WeakRef({}),
  () => /x/g,
  () => new Date(Number.NaN),
  () => new Date(8.64e15),
  () => new Error('for this test'),
  () => Object.assign(new Error('for this test'), { code: 'INTERNAL_ERROR' }),
  () => Promise.resolve('x'),
  () => new Promise(() => undefined),
  () => rejected(new Error('for this test')),
  () => rejected(undefined),
  () => Object.defineProperty({}, 'then', { get: fail }),
  () => thenable(fail),
  () => thenable(() => undefined),
  () =>
    thenable((resolve, reject) => {
      resolve(1);
      reject(2);
    }),
  () => runInNewContext('({ userId: "x", idempotentKey: "x", amount: 1, type: "credit" })'),
  () => runInNewContext('new String("x")'),
  () => runInNewContext('new Proxy({}, { get() { throw new Error("for this test") } })'),
  () => cyclic(),
  () => Object.freeze({ userId: 'x' }),
  () => globalThis,
  () => process.memoryUsage,
  () => Reflect,
];

const anything = fc.anything({
  key: fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary' })),
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  stringUnit: 'binary',
  // Nobody looks deeper than this, and deeper objects take most of the time.
  maxDepth: 1,
  maxKeys: 4,
});

/** Strings of any UTF-16, with unpaired surrogates, control characters and all. */
export const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 })).map((units) => String.fromCharCode(...units)),
  fc.integer({ min: 2040, max: 2056 }).map((length) => 'x'.repeat(length)),
);

export const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, 1e-130, 1e126, 1e-131, Number.MIN_VALUE, Number.MAX_VALUE),
);

/** Any value. @type {Recipes} */
export const value = fc.oneof(
  { weight: 400, arbitrary: anything.map(recipe) },
  { weight: 300, arbitrary: fc.constantFrom(...HOSTILE.map(recipeOf)) },
  { weight: 200, arbitrary: text.map(recipe) },
  { weight: 100, arbitrary: number.map(recipe) },
  { weight: 1, arbitrary: fc.constantFrom(...HUGE).map(recipe) },
);

/**
 * Usually a sound value, sometimes any other.
 *
 * @param {fc.Arbitrary<unknown>} sound
 * @returns {Recipes}
 */
export function usually(sound) {
  return fc.oneof({ weight: 4, arbitrary: sound.map(recipe) }, { weight: 1, arbitrary: value });
}

/**
 * Nearly always a sound value, since an object of many fields is only sound if all of them are.
 *
 * @param {fc.Arbitrary<unknown>} sound
 * @param {fc.Arbitrary<unknown>} similar
 * @returns {Recipes}
 */
export function mostly(sound, similar) {
  return fc.oneof(
    { weight: 18, arbitrary: sound.map(recipe) },
    { weight: 1, arbitrary: similar.map(recipe) },
    { weight: 1, arbitrary: value },
  );
}

/** How an object comes by its fields. @type {Record<string, (fields: [string, Make][]) => object>} */
const SHAPES = {
  plain: (fields) => Object.fromEntries(fields.map(([name, make]) => [name, make()])),
  inherited: (fields) => Object.create(SHAPES['plain']?.(fields) ?? null),
  'without a prototype': (fields) => Object.assign(Object.create(null), SHAPES['plain']?.(fields)),
  'a function': (fields) => Object.assign(() => undefined, SHAPES['plain']?.(fields)),
  'made by getters': (fields) => withGetters(fields, (make) => make()),
  'whose getters throw at random': (fields) =>
    withGetters(fields, (make, index) => {
      if (index % 2 === 0) {
        throw make();
      }
      return make();
    }),
  'whose fields change': (fields) => {
    let reads = 0;
    return withGetters(fields, (make) => {
      reads += 1;
      return reads % 2 === 0 ? undefined : make();
    });
  },
  'a proxy': (fields) => new Proxy(SHAPES['plain']?.(fields) ?? {}, {}),
  'a proxy that throws': (fields) =>
    new Proxy(
      {},
      {
        get: () => {
          throw fields[0]?.[1]();
        },
      },
    ),
};

/**
 * Objects of these fields, in every shape.
 *
 * @param {Record<string, Recipes>} fields
 * @param {{ required?: string[] }} [options] which fields are never left out
 * @returns {Recipes}
 */
export function objectOf(fields, { required = [] } = {}) {
  const shapes = fc.oneof(fc.constant('plain'), fc.constantFrom(...Object.keys(SHAPES)));
  return fc
    .record({ shape: shapes, fields: fc.record(fields, { requiredKeys: required }) })
    .map(({ shape, fields }) => ({
      make: () => SHAPES[shape]?.(Object.entries(fields).map(([name, { make }]) => [name, make])),
      toString: () =>
        `an object (${shape}) of ${Object.entries(fields).map((entry) => entry.join(': '))}`,
    }));
}

/** @param {unknown} value */
export function recipe(value) {
  return { make: () => value, toString: () => fc.stringify(value).slice(0, 200) };
}

/** @param {Make} make */
export function recipeOf(make) {
  return { make, toString: () => String(make).replace(/^\(\) =>/, 'what this makes:') };
}

/**
 * @param {[string, Make][]} fields
 * @param {(make: Make, index: number) => unknown} get
 */
function withGetters(fields, get) {
  const object = {};
  fields.forEach(([name, make], index) => {
    Object.defineProperty(object, name, { get: () => get(make, index), enumerable: true });
  });
  return object;
}

/** @param {object} target */
function revoked(target) {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** @param {() => never} trap */
function trapsThat(trap) {
  return Object.fromEntries(
    Object.getOwnPropertyNames(Reflect).map((operation) => [operation, trap]),
  );
}

/** Whatever is read of it or called on it is itself. */
function bottomless() {
  /** @type {object} */
  const proxy = new Proxy(() => undefined, { get: () => proxy, apply: () => proxy });
  return proxy;
}

function detached() {
  const array = new Uint8Array(8);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function cyclic() {
  /** @type {Record<string, unknown>} */
  const object = {};
  object['userId'] = object;
  return object;
}

/** @param {(resolve: (value: unknown) => void, reject: (reason: unknown) => void) => void} then */
function thenable(then) {
  return Object.defineProperty({}, 'then', { value: then });
}

/** @param {unknown} reason */
function rejected(reason) {
  const promise = Promise.reject(reason);
  promise.catch(() => undefined);
  return promise;
}
