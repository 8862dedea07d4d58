// A client whose first call finds no descriptor free, for its configuration, a connection or
// anything else, until some are closed. Argument: the endpoint.

const { closeSync, openSync } = require('node:fs');
const process = require('node:process');

const { BalanceClient } = require('dynamodb-balance');

void (async () => {
  const [endpoint = ''] = process.argv.slice(2);
  const client = new BalanceClient({ endpoint });
  const descriptors = [];
  try {
    for (;;) {
      descriptors.push(openSync('/dev/null', 'r'));
    }
  } catch {}
  const call = client.getCurrentBalance({ userId: 'user' });
  const impatient = new BalanceClient({ endpoint, callTimeout: 300 })
    .getCurrentBalance({ userId: 'user' })
    .catch((/** @type {Error} */ error) => error);
  const told = await impatient;
  for (const descriptor of descriptors) {
    closeSync(descriptor);
  }
  process.stdout.write(JSON.stringify({ told: String(told), balance: await call }));
})();
