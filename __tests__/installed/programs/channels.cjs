// Whoever subscribes to channels of diagnostics_channel hears of a call and of its request, where the
// runtime has channels.

// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:diagnostics_channel.
const diagnostics = require('diagnostics_channel');

const { BalanceClient } = require('dynamodb-balance');

const heard = [];
for (const name of [
  'tracing:dynamodb-balance:transact:start',
  'dynamodb-balance:request',
  'tracing:dynamodb-balance:transact:asyncEnd',
]) {
  diagnostics.channel(name).subscribe(({ operation }) => heard.push(operation));
}

async function tell() {
  const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
  const client = new BalanceClient();
  await client.transact({ idempotentKey: `${userId}-1`, userId, amount: 1, type: 'debit' });
  process.stdout.write(`${heard.join(' ')} ${client.stats().committedCalls}\n`);
}

void tell();
