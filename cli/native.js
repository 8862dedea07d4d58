// What the native core does for operators besides the client's own methods. Loaded when a command
// runs: help needs no core.

/**
 * @template T
 * @param {T | import('./native.js').Failure} outcome
 * @returns {T}
 */
function settle(outcome) {
  if (outcome !== null && typeof outcome === 'object' && 'code' in outcome) {
    const { BalanceError } = require('..');
    throw new BalanceError(outcome);
  }
  return outcome;
}

async function createTables(options, history, holds, onProgress) {
  const { createTables: create } = require('../binding.js');
  settle(await create(options, { ...process.env }, history, holds, onProgress));
}

async function checkTables(options) {
  const { checkTables: check } = require('../binding.js');
  return settle(await check(options, { ...process.env }));
}

async function audit(options, onProgress) {
  const { audit: run } = require('../binding.js');
  return settle(await run(options, { ...process.env }, onProgress));
}

module.exports = { audit, checkTables, createTables };
