// HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured as the AWS CLI honours them.

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, request as send } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BalanceClient } from 'dynamodb-balance';
import { generate } from 'selfsigned';

import { serviceHeaders } from './harness/service-headers.cjs';

const original = { ...process.env };
const BODY = '{"Item":{"balance":{"N":"7"}}}';
const HEADERS = serviceHeaders(BODY);

let plain: Server;
let secure: Server;
let proxy: Server;
/** What the proxy was asked: method, URL and authorization. */
let asked: string[];
let refusal: string | undefined;

const port = (server: Server): number => (server.address() as AddressInfo).port;

function note({ method, url, headers }: IncomingMessage): void {
  asked.push(`${method} ${url} ${headers['proxy-authorization'] ?? 'anonymous'}`);
}

async function listen(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
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
  const authority = join(folder, 'authority.pem');
  writeFileSync(authority, root.cert);
  original['AWS_CA_BUNDLE'] = authority;
  plain = await listen(createServer((_, response) => response.writeHead(200, HEADERS).end(BODY)));
  secure = await listen(
    createSecureServer({ key: leaf.private, cert: leaf.cert }, (_, response) =>
      response.writeHead(200, HEADERS).end(BODY),
    ),
  );
  proxy = createServer((incoming, response) => {
    note(incoming);
    const url = new URL(String(incoming.url));
    incoming.pipe(
      send(url, { method: 'POST', headers: incoming.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  proxy.on('connect', (incoming: IncomingMessage, client: Socket) => {
    note(incoming);
    client.on('error', () => {});
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const upstream = connect(port(secure), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => client.destroy());
  });
  await listen(proxy);
});

afterAll(async () => {
  for (const server of [plain, secure, proxy]) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

beforeEach(() => {
  asked = [];
  refusal = undefined;
});

afterEach(() => {
  process.env = { ...original };
});

/** Reads a balance with an environment of its own. */
async function read(endpoint: string, environment: Record<string, string>): Promise<number> {
  process.env = { ...original, ...environment };
  const client = new BalanceClient({ endpoint, callTimeout: 2000 });
  try {
    return await client.getCurrentBalance({ userId: 'user' });
  } finally {
    await client.close();
  }
}

const at = (): string => `http://somebody:p%40ss@127.0.0.1:${port(proxy)}`;
// somebody:p@ss
const AUTHORIZATION = 'Basic c29tZWJvZHk6cEBzcw==';

test('an encrypted connection goes through the proxy, which reads nothing of it', async () => {
  expect(await read('https://localhost:8443', { HTTPS_PROXY: at() })).toBe(7);
  expect(asked).toEqual([`CONNECT localhost:8443 ${AUTHORIZATION}`]);
});

test('a plain request is handed to the proxy', async () => {
  const endpoint = `http://127.0.0.1:${port(plain)}`;
  expect(await read(endpoint, { http_proxy: at() })).toBe(7);
  expect(asked).toEqual([`POST ${endpoint}/ ${AUTHORIZATION}`]);
});

test('an exception is asked without the proxy', async () => {
  const endpoint = `https://localhost:${port(secure)}`;
  expect(await read(endpoint, { HTTPS_PROXY: at(), NO_PROXY: 'other.test,localhost' })).toBe(7);
  expect(asked).toEqual([]);
});

test.each(['407 Proxy Authentication Required', '403 Forbidden', '502 Bad Gateway'])(
  'a proxy that answers %s is named, without its password, and nothing happened',
  async (status) => {
    refusal = status;
    const error = await read('https://localhost:8443', { HTTPS_PROXY: at() }).catch((e) => e);
    expect(error).toMatchObject({
      code: 'NOTHING_HAPPENED',
      message: expect.stringContaining(`the proxy 127.0.0.1:${port(proxy)} failed`),
    });
    expect(error.message).toContain(status.slice(0, 3));
    expect(error.message).not.toContain('ss@');
  },
);

test('what is no proxy is refused, by the name of the variable', async () => {
  await expect(
    read('https://localhost', { HTTPS_PROXY: 'socks5://a:secret@b' }),
  ).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.not.stringContaining('secret'),
  });
});
