// A company's own certificate authority is trusted once the environment names it.

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BalanceClient } from 'dynamodb-balance';
import { generate } from 'selfsigned';

import { signs } from './harness/wire';

const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
const authority = join(folder, 'authority.pem');
const original = { ...process.env };
let server: Server;
let endpoint: string;

beforeAll(async () => {
  const root = await generate([{ name: 'commonName', value: 'A company' }], {
    extensions: [{ name: 'basicConstraints', cA: true }],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    ca: { key: root.private, cert: root.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  writeFileSync(authority, root.cert);
  const body = '{"Item":{"balance":{"N":"7"}}}';
  const headers = { 'content-type': 'application/x-amz-json-1.0', ...signs(body) };
  server = createServer({ key: leaf.private, cert: leaf.cert }, (_, response) =>
    response.writeHead(200, headers).end(body),
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

beforeEach(() => {
  Reflect.deleteProperty(process.env, 'AWS_CA_BUNDLE');
  Reflect.deleteProperty(process.env, 'NODE_EXTRA_CA_CERTS');
});

afterEach(() => {
  process.env = { ...original };
});

const read = (): Promise<number> =>
  new BalanceClient({ endpoint }).getCurrentBalance({ userId: 'user' });

test('an unknown certificate is refused at once, and the message says how to trust it', async () => {
  await expect(read()).rejects.toMatchObject({
    code: 'SERVICE_ERROR',
    message: expect.stringMatching(/not trusted.*AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS/),
  });
});

test.each(['AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'])('%s adds an authority', async (variable) => {
  process.env[variable] = authority;

  await expect(read()).resolves.toBe(7);
});

test('an AWS_CA_BUNDLE that cannot be read is refused by name', async () => {
  process.env['AWS_CA_BUNDLE'] = join(folder, 'missing.pem');

  await expect(read()).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringMatching(/AWS_CA_BUNDLE.*missing\.pem/),
  });
});

test('a NODE_EXTRA_CA_CERTS that cannot be read is ignored, as Node does', async () => {
  process.env['NODE_EXTRA_CA_CERTS'] = join(folder, 'missing.pem');
  process.env['AWS_CA_BUNDLE'] = authority;

  await expect(read()).resolves.toBe(7);
});
