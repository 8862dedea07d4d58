// Starts the stand-in for DynamoDB. It ends with the process that started it.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');

/**
 * @returns {Promise<{ endpoint: string, stop: () => Promise<void> }>}
 */
async function startStandIn() {
  const child = fork(join(__dirname, 'stand-in.cjs'), { execArgv: [] });
  const [endpoint] = await once(child, 'message');
  return {
    endpoint: String(endpoint),
    stop: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

module.exports = { startStandIn };
