// Who is measured. Peers on the SDK are made into CommonJS by esbuild: plain, with the SDK taken
// from node_modules, and bundled into one file.

import { build } from 'esbuild';

import { root } from '../../scripts/setup.mjs';
import { installPackage } from './install.mjs';

/** Everything that the benchmarks make but do not keep. */
export const madeFolder = `${root}/benches/target`;

/** The file of each. */
export const peers = {
  package: `${root}/benches/peers/dynamodb-balance.cjs`,
  sdk: `${madeFolder}/sdk-v3.cjs`,
  bundle: `${madeFolder}/sdk-v3-bundled.cjs`,
  threeRoundTrips: `${madeFolder}/three-round-trips.cjs`,
  nothing: `${root}/benches/peers/nothing.cjs`,
};

/** @typedef {keyof typeof peers} PeerId */

export async function buildPeers() {
  const source = (/** @type {string} */ name) => `${root}/benches/peers/${name}.mjs`;
  /** @type {import('esbuild').BuildOptions} */
  const shared = { bundle: true, platform: 'node', format: 'cjs', target: 'node20' };
  await installPackage();
  await Promise.all([
    build({
      ...shared,
      entryPoints: [source('sdk-v3')],
      outfile: peers.sdk,
      packages: 'external',
    }),
    build({
      ...shared,
      entryPoints: [source('three-round-trips')],
      outfile: peers.threeRoundTrips,
      packages: 'external',
    }),
    build({
      ...shared,
      entryPoints: [source('sdk-v3')],
      outfile: peers.bundle,
      // The SDK's modules for bundlers leave out what is not used.
      mainFields: ['module', 'main'],
      minify: true,
    }),
  ]);
}
