// A test run can forbid calls to anything but a local DynamoDB: nothing at all is sent then.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BalanceClient, type BalanceClientOptions } from 'dynamodb-balance';

import { rejection, request } from './harness/calls';
import { fresh } from './harness/tables';

const FORBID = 'DYNAMODB_BALANCE_FORBID_REAL_CALLS';

const original = { ...process.env };
const credentials = jest.fn(async () => ({ accessKeyId: 'real', secretAccessKey: 'secret' }));
let proxy: Server;
let asked: (string | undefined)[];

// Whatever would leave this machine comes to this proxy, which lets nothing through.
beforeEach(async () => {
  asked = [];
  credentials.mockClear();
  proxy = createServer();
  proxy.on('connect', ({ url }, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  process.env['HTTPS_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterEach(() => {
  proxy.close();
  process.env = { ...original };
});

/** A client as it would be in production. */
function realClient(options: BalanceClientOptions = {}): BalanceClient {
  Reflect.deleteProperty(process.env, 'AWS_ENDPOINT_URL_DYNAMODB');
  return new BalanceClient({ region: 'eu-central-1', credentials, callTimeout: 2000, ...options });
}

test('where nothing is forbidden, a call goes to the endpoint of its region', async () => {
  await rejection(realClient().getBalance({ userId: 'user' }));

  expect(asked[0]).toBe('dynamodb.eu-central-1.amazonaws.com:443');
  expect(credentials).toHaveBeenCalled();
});

const CALLS: [string, (client: BalanceClient) => Promise<unknown>][] = [
  ['transact', (client) => client.transact(request())],
  ['getCurrentBalance', (client) => client.getCurrentBalance({ userId: 'user' })],
  ['listTransactions', (client) => client.listTransactions({ userId: 'user' })],
  ['createTables', (client) => client.createTables()],
];

test.each(CALLS)('a forbidden %s fails at once, and nothing is sent', async (_, call) => {
  process.env[FORBID] = '1';
  const error = await rejection(call(realClient()));

  expect(error).toMatchObject({ code: 'INVALID_OPTION', retryable: false });
  expect(error.message).toContain(FORBID);
  expect(error.message).toContain('must be local');
  expect(asked).toEqual([]);
  expect(credentials).not.toHaveBeenCalled();
});

test('an endpoint that is not local is forbidden wherever it is named', async () => {
  process.env[FORBID] = 'true';
  const endpoint = 'https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com';
  const byOption = await rejection(realClient({ endpoint }).getBalance({ userId: 'user' }));
  const client = realClient();
  process.env['AWS_ENDPOINT_URL_DYNAMODB'] = endpoint;
  const byVariable = new BalanceClient({ credentials });

  expect(byOption.message).toContain(endpoint);
  expect((await rejection(byVariable.getBalance({ userId: 'user' }))).message).toContain(endpoint);
  expect((await rejection(client.getBalance({ userId: 'user' }))).message).toContain('of a region');
  expect(asked).toEqual([]);
});

test('DynamoDB Local is not forbidden', async () => {
  process.env[FORBID] = '1';

  await expect(new BalanceClient().getCurrentBalance({ userId: fresh('user') })).resolves.toBe(100);
});

test('a value that says neither yes nor no is refused by name', async () => {
  process.env[FORBID] = 'please';
  const error = await rejection(new BalanceClient().getCurrentBalance({ userId: 'user' }));

  expect(error).toMatchObject({
    code: 'INVALID_OPTION',
    message: `Invalid option: ${FORBID} must be 1, true, 0 or false, not "please"`,
  });
});
