// Stands in a namespace and passes connections on to a Unix socket, which namespaces share.
//
//   node relay.cjs <address> <port> <path of the socket>

const { connect, createServer } = require('node:net');
const process = require('node:process');

const [, , host = '', port = '', path = ''] = process.argv;

const server = createServer((near) => {
  const far = connect(path);
  near.pipe(far);
  far.pipe(near);
  for (const [one, other] of [
    [near, far],
    [far, near],
  ]) {
    one?.on('error', () => other?.destroy());
    one?.on('close', () => other?.destroy());
  }
});
server.listen(Number(port), host, () => process.send?.('ready'));
process.on('disconnect', () => process.exit());
