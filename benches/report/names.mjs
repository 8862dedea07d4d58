// How the report calls those who are measured, in the order in which it shows them.

/** @type {Record<import('../measure/results.d.ts').Measurement['peer'], string>} */
export const names = {
  package: 'this package',
  sdk: 'SDK v3',
  bundle: 'SDK v3 bundled',
  threeRoundTrips: 'three round trips',
  floor: 'the floor',
  nothing: 'bare Node',
};

export const peerOrder = /** @type {(keyof typeof names)[]} */ (Object.keys(names));
