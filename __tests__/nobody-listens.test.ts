// An address of this machine at which nobody listens, mostly DynamoDB Local that was not started, is told by name
// and soon. A database that was there before may come back, and is waited for.

import { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';
import { openWire } from './harness/wire';

/** Where somebody has listened, and does not any more. */
async function abandonedEndpoint(): Promise<string> {
  const wire = await openWire();
  await wire.close();
  return wire.endpoint;
}

test.each<[string, (client: BalanceClient) => Promise<unknown>]>([
  ['getCurrentBalance', (client) => client.getCurrentBalance({ userId: 'alice' })],
  ['transact', (client) => client.transact(request())],
  ['createTables', (client) => client.createTables()],
])('%s names the address at which nobody listens', async (_name, call) => {
  const endpoint = await abandonedEndpoint();
  const client = new BalanceClient({ endpoint });

  await expect(call(client)).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    retryable: true,
    message: expect.stringContaining(`nobody listens at ${new URL(endpoint).host}`),
  });
  await client.close();
});

test('a database that was there before is waited for until the deadline', async () => {
  const wire = await openWire();
  const client = new BalanceClient({ endpoint: wire.endpoint, callTimeout: 4000 });
  await client.getCurrentBalance({ userId: 'alice' });
  await wire.close();

  const untilTheDeadline = {
    code: 'NOTHING_HAPPENED',
    message: expect.stringContaining('4000 ms'),
  };
  // The read comes first: a write on a connection that dies under it could not say that nothing happened.
  await expect(client.getCurrentBalance({ userId: 'alice' })).rejects.toMatchObject(
    untilTheDeadline,
  );
  await expect(client.transact(request())).rejects.toMatchObject(untilTheDeadline);
  await client.close();
});
