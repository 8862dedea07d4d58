// Networks forget connections without a word: a NAT gateway, a firewall, a laptop that slept. That
// costs the attempts under way, and no further one.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';

/** A router between a client and DynamoDB Local. */
interface Router {
  server: Server;
  endpoint: string;
  opened: number;
  /** Forgets all connections of now: what arrives on them vanishes. */
  forget: () => void;
}

async function openRouter(): Promise<Router> {
  const target = new URL(String(process.env['AWS_ENDPOINT_URL_DYNAMODB']));
  let known = new Set<Socket>();
  const server = createServer((client) => {
    router.opened += 1;
    known.add(client);
    const upstream = connect(Number(target.port), target.hostname);
    client.on('data', (bytes) => known.has(client) && upstream.write(bytes));
    upstream.on('data', (bytes) => known.has(client) && client.write(bytes));
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const forget = () => {
    known = new Set();
  };
  const router: Router = { server, endpoint, opened: 0, forget };
  return router;
}

let router: Router;
let client: BalanceClient;

beforeEach(async () => {
  router = await openRouter();
  client = new BalanceClient({ endpoint: router.endpoint, attemptTimeout: 1500 });
});

afterEach(async () => {
  await client.close();
  router.server.close();
});

const credit = (): Promise<void> =>
  client.transact({
    idempotentKey: fresh('key'),
    userId: fresh('user'),
    amount: 1,
    type: 'credit',
  });

/** As many connections as calls of different users at once. */
async function warmUp(): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, credit));
  expect(router.opened).toBeGreaterThan(5);
}

test('dead connections cost one attempt, however many they are', async () => {
  await warmUp();
  router.forget();
  const begin = performance.now();
  await credit();
  expect(performance.now() - begin).toBeLessThan(3000);
});

test('many calls that meet dead connections are all served by their second attempt', async () => {
  await warmUp();
  router.forget();
  const begin = performance.now();
  await Promise.all(Array.from({ length: 50 }, credit));
  expect(performance.now() - begin).toBeLessThan(5000);
});
