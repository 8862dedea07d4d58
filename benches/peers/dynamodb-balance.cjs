// This package, with nothing set but where to go and as whom.

const { BalanceClient } = require('../..');

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
