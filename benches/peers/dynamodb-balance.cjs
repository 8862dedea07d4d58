// This package, as install.mjs installs it, with nothing set but where to go and as whom.

/** @type {typeof import('dynamodb-balance')} */
// By its folder: within the repository, its name is that of the repository.
const { BalanceClient } = require(`${__dirname}/../node_modules/dynamodb-balance`);

/**
 * @param {import('./peer.d.ts').PeerOptions} options
 * @returns {import('./peer.d.ts').Peer}
 */
function open({ endpoint }) {
  return new BalanceClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

module.exports = { open };
