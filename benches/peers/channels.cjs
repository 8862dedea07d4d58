// This package with its channels: `CHANNELS` in the environment says whether the runtime lacks them
// (`absent`), has them and nobody subscribes (`silent`), or somebody does (`heard`).

const diagnostics = require('node:diagnostics_channel');
const Module = require('node:module');
const process = require('node:process');

const manner = process.env['CHANNELS'];
if (manner === 'absent') {
  const load = Reflect.get(Module, '_load');
  Reflect.set(
    Module,
    '_load',
    (/** @type {string} */ request, /** @type {unknown[]} */ ...rest) => {
      if (request === 'diagnostics_channel') {
        throw new Error('this runtime has no channels');
      }
      return Reflect.apply(load, Module, [request, ...rest]);
    },
  );
}
if (manner === 'heard') {
  diagnostics.subscribe('tracing:dynamodb-balance:transact:asyncEnd', () => {});
}

module.exports = require('./dynamodb-balance.cjs');
