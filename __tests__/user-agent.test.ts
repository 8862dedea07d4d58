// The user agent, by which AWS tells in its logs who asked.

import { BalanceClient, type BalanceClientOptions } from 'dynamodb-balance';

import { version } from '../package.json';
import { fresh } from './harness/tables';
import { openWire } from './harness/wire';

async function userAgentWith(options: BalanceClientOptions): Promise<string | undefined> {
  const wire = await openWire();
  try {
    const client = new BalanceClient({ ...options, endpoint: wire.endpoint });
    await client.getBalance({ userId: fresh('user') });
    return wire.passed[0]?.headers['user-agent'];
  } finally {
    await wire.close();
  }
}

test('it names this package', async () => {
  await expect(userAgentWith({})).resolves.toBe(`dynamodb-balance/${version}`);
});

test('customUserAgent is added to it', async () => {
  const customUserAgent = 'shop/1.2 (payments)';

  await expect(userAgentWith({ customUserAgent })).resolves.toBe(
    `dynamodb-balance/${version} shop/1.2 (payments)`,
  );
});
