// A machine whose clock is wrong goes by DynamoDB's: one request is refused, or none.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BalanceClient } from 'dynamodb-balance';

const HOUR = 3_600_000;
/** How old or young a signature may be. */
const TOLERANCE = 5 * 60_000;

let server: Server;
/** How far ahead of this machine's clock the service's is. */
let ahead: number;
/** Whether each request was signed by the right time. */
let accepted: boolean[];

beforeEach(async () => {
  ahead = 0;
  accepted = [];
  server = createServer((request, response) => {
    request.resume();
    const now = Date.now() + ahead;
    const isRight = Math.abs(signedAt(`${request.headers['x-amz-date']}`) - now) <= TOLERANCE;
    accepted.push(isRight);
    const [status, body, sum] = isRight ? SUCCESS : REFUSAL;
    response.writeHead(status, {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-requestid': 'STAND-IN',
      'x-amz-crc32': sum,
      date: new Date(now).toUTCString(),
    });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const SUCCESS = [200, '{}', '2745614147'] as const;
const REFUSAL = [
  400,
  '{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired"}',
  '3808592729',
] as const;

function signedAt(date: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function open(credentials: object = { accessKeyId: 'key', secretAccessKey: 'secret' }) {
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  return new BalanceClient({ endpoint, region: 'us-east-1', credentials: credentials as never });
}

test.each([
  ['an hour ahead', HOUR],
  ['an hour behind', -HOUR],
  ['20 minutes ahead', HOUR / 3],
  ['20 minutes behind', -HOUR / 3],
  ['a year ahead', 8760 * HOUR],
])('a service %s refuses one request and answers the same call', async (_, skew) => {
  ahead = skew;
  const client = open();
  await expect(client.getCurrentBalance({ userId: 'u' })).resolves.toBe(100);
  await expect(client.getCurrentBalance({ userId: 'u' })).resolves.toBe(100);

  expect(accepted).toEqual([false, true, true]);
});

test('a clock that jumps while the client runs is followed', async () => {
  const client = open();
  for (const jump of [0, HOUR, -HOUR, 0]) {
    ahead = jump;
    await expect(client.getCurrentBalance({ userId: 'u' })).resolves.toBe(100);
  }

  expect(accepted).toEqual([true, false, true, false, true, false, true]);
});

test('a clock that is a little off is put right before it matters', async () => {
  const client = open();
  for (const minutes of [4, 8, 12, 16, 12, 8]) {
    ahead = minutes * 60_000;
    await expect(client.getCurrentBalance({ userId: 'u' })).resolves.toBe(100);
  }

  expect(accepted).not.toContain(false);
});

test('a function is not asked for other credentials because of the clock', async () => {
  ahead = HOUR;
  const provide = jest.fn(async () => ({ accessKeyId: 'key', secretAccessKey: 'secret' }));
  await expect(open(provide).getCurrentBalance({ userId: 'u' })).resolves.toBe(100);

  expect(provide).toHaveBeenCalledTimes(1);
});

test('credentials expire by the time of the service', async () => {
  ahead = HOUR;
  let asked = 0;
  const client = open(async () => {
    asked += 1;
    // By this machine's clock good for half an hour; by the service's expired for as long.
    const expiration = new Date(Date.now() + HOUR / 2);
    return { accessKeyId: `key${asked}`, secretAccessKey: 'secret', expiration };
  });
  await client.getCurrentBalance({ userId: 'u' });

  expect(asked).toBe(2);
});
