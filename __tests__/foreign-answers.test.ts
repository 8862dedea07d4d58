// Only DynamoDB can say that money moved. What a proxy, a health page or a captive portal answers
// confirms nothing and refuses nothing, whatever its status.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BalanceClient } from 'dynamodb-balance';

import { serviceHeaders } from './harness/service-headers.cjs';

const JSON_1_0 = { 'content-type': 'application/x-amz-json-1.0' };
const REFUSAL = JSON.stringify({
  __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
  CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
});

interface Foreign {
  status: number;
  headers?: Record<string, string | number>;
  body?: string;
}

const ANSWERS: Record<string, Foreign> = {
  'an empty 200': { status: 200 },
  'an empty 200 with the headers of DynamoDB': {
    status: 200,
    headers: serviceHeaders(''),
  },
  'a 204': { status: 204 },
  '{} as text': { status: 200, headers: { 'content-type': 'text/plain' }, body: '{}' },
  '{} as JSON of DynamoDB without request id and checksum': {
    status: 200,
    headers: JSON_1_0,
    body: '{}',
  },
  '{} without a checksum': {
    status: 200,
    headers: { ...JSON_1_0, 'x-amzn-requestid': 'ID' },
    body: '{}',
  },
  '{} with the checksum of something else': {
    status: 200,
    headers: { ...serviceHeaders('{ }'), 'content-length': 2 },
    body: '{}',
  },
  '{} without a request id': {
    status: 200,
    headers: { ...serviceHeaders('{}'), 'x-amzn-requestid': '' },
    body: '{}',
  },
  '{"status":"ok"}': {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: '{"status":"ok"}',
  },
  '{"status":"ok"} with the headers of DynamoDB': {
    status: 200,
    headers: serviceHeaders('{"status":"ok"}'),
    body: '{"status":"ok"}',
  },
  'a page': {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<html>It works!</html>',
  },
  'a success that is not 200': {
    status: 202,
    headers: serviceHeaders('{}'),
    body: '{}',
  },
  'a redirection': { status: 302, headers: { location: 'https://login.test/' } },
  'a refusal by somebody else': {
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: REFUSAL,
  },
  'a proxy that wants a password': { status: 407, body: 'Proxy Authentication Required' },
  'a 403 of a firewall': { status: 403, body: '<html>Forbidden</html>' },
};

let server: Server;
let answer: Foreign;
let client: BalanceClient;

beforeAll(async () => {
  server = createServer((incoming, response) => {
    incoming.resume().on('end', () => {
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = new BalanceClient({ endpoint: `http://127.0.0.1:${port}`, callTimeout: 600 });
  // The first call reads the environment and connects, for which 600 ms may be short on a busy machine.
  answer = ANSWERS['an empty 200'] as Foreign;
  await client.getCurrentBalance({ userId: 'first' }).catch(() => undefined);
});

afterAll(async () => {
  await client.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test.each(Object.keys(ANSWERS))('%s confirms nothing', async (name) => {
  answer = ANSWERS[name] as Foreign;
  const [transacted, read] = await Promise.allSettled([
    client.transact({ idempotentKey: name, userId: name, amount: 1, type: 'debit' }),
    client.getCurrentBalance({ userId: name }),
  ]);
  const words = `something other than DynamoDB answered with status ${answer.status}`;
  const message = expect.stringContaining(words);
  expect(transacted).toMatchObject({ reason: { code: 'OUTCOME_UNKNOWN', message } });
  expect(read).toMatchObject({ reason: { code: 'NOTHING_HAPPENED', message } });
});
