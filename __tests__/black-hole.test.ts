// A network that swallows everything for longer than a call: what was given up must not arrive
// after a refusal of the same key, when the network is back. Real packets on a wire of the test's
// own, where root allows; held-requests.test.ts does the same with a proxy everywhere.

import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { fresh, record } from './harness/tables';
import { Caller } from './outages/fleet.cjs';
import { openNetwork, whyNoNamespaces } from './outages/namespaces.cjs';

const CALLER = join(__dirname, 'outages', 'caller.cjs');

/** Until a request has left, in milliseconds. */
const ON_ITS_WAY = 300;
/** Until the system has repeated what it still has to send, in milliseconds. */
const REPEATED = 4000;
/** An epoch, and a second for the clocks (docs/protocol.md). */
const WINDOW = 6000;

const missing = whyNoNamespaces();
if (missing !== undefined) {
  process.stderr.write(`No black hole is tried: ${missing}\n`);
}
const testWithNetwork = missing === undefined ? test : test.skip;

let behind: Server;
let path: string;
let network: Awaited<ReturnType<typeof openNetwork>>;

beforeEach(async () => {
  if (missing !== undefined) {
    return;
  }
  path = join(tmpdir(), fresh('wire'));
  behind = createServer((near) => {
    const { hostname, port } = new URL(String(process.env['AWS_ENDPOINT_URL_DYNAMODB']));
    const far = connect(Number(port), hostname);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => behind.listen(path, resolve));
  network = await openNetwork(path);
});

afterEach(() => {
  if (missing === undefined) {
    network.close();
    behind.close();
    rmSync(path, { force: true });
  }
});

function startCaller() {
  const options = { endpoint: network.endpoint, attemptTimeout: 800, callTimeout: 2000 };
  return new Caller(network.start(CALLER), options);
}

/** A debit of 150 on 100, and a credit that lets it pass if it still arrives. */
function movements() {
  const userId = fresh('user');
  const debit = { idempotentKey: fresh('key'), userId, amount: 150, type: 'debit' } as const;
  const credit = { idempotentKey: fresh('key'), userId, amount: 100, type: 'credit' } as const;
  return { userId, debit, credit };
}

async function expectNoDebit(
  caller: ReturnType<typeof startCaller>,
  { userId, debit }: ReturnType<typeof movements>,
) {
  await sleep(REPEATED);
  await expect(caller.balance(userId)).resolves.toBe(200);
  await expect(record(debit.idempotentKey)).resolves.toBeUndefined();
}

testWithNetwork('a refusal after a black hole is final', async () => {
  const caller = startCaller();
  const all = movements();
  await caller.balance(all.userId);
  network.cut();
  await expect(caller.transact(all.debit)).resolves.toBe('OUTCOME_UNKNOWN');
  network.mend();

  await expect(caller.transact(all.debit)).resolves.toBe('INSUFFICIENT_BALANCE');
  await expect(caller.transact(all.credit)).resolves.toBe('OK');
  await expectNoDebit(caller, all);
});

testWithNetwork(
  'and so it is after the process was killed in it, once its epoch is over',
  async () => {
    const killed = startCaller();
    const all = movements();
    await killed.balance(all.userId);
    network.cut();
    void killed.transact(all.debit);
    await sleep(ON_ITS_WAY);
    await killed.kill();
    await sleep(WINDOW);
    network.mend();
    const caller = startCaller();

    await expect(caller.transact(all.debit)).resolves.toBe('INSUFFICIENT_BALANCE');
    await expect(caller.transact(all.credit)).resolves.toBe('OK');
    await expectNoDebit(caller, all);
  },
);

testWithNetwork('a call that nobody could connect for has not happened', async () => {
  const caller = startCaller();
  network.cut();

  await expect(caller.transact(movements().credit)).resolves.toBe('NOTHING_HAPPENED');
});
