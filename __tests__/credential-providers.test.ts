// The providers of the AWS SDK for JavaScript are taken as they are.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import {
  fromEnv,
  fromNodeProviderChain,
  fromTemporaryCredentials,
} from '@aws-sdk/credential-providers';
import { BalanceClient, type BalanceClientOptions } from 'dynamodb-balance';

import { rejection } from './harness/calls';
import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

const ASSUMED = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <Credentials>
      <AccessKeyId>ASSUMED</AccessKeyId>
      <SecretAccessKey>secret</SecretAccessKey>
      <SessionToken>token</SessionToken>
      <Expiration>2099-01-01T00:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
</AssumeRoleResponse>`;

const DENIED = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>AccessDenied</Code><Message>for this test</Message></Error>
</ErrorResponse>`;

let wire: Wire;
let sts: Server;
let asked: { headers: IncomingMessage['headers']; body: string }[];
let answer: { status: number; body: string };

beforeEach(async () => {
  wire = await openWire();
  asked = [];
  answer = { status: 200, body: ASSUMED };
  sts = createServer(async (request, response) => {
    asked.push({ headers: request.headers, body: await text(request) });
    response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
  });
  await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await wire.close();
  sts.closeAllConnections();
  await new Promise((resolve) => sts.close(resolve));
});

function assumedRole() {
  return fromTemporaryCredentials({
    masterCredentials: { accessKeyId: 'MASTER', secretAccessKey: 'secret' },
    params: { RoleArn: 'arn:aws:iam::123456789012:role/balances', RoleSessionName: 'test' },
    clientConfig: {
      endpoint: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
      maxAttempts: 1,
    },
  });
}

async function read(options: BalanceClientOptions): Promise<number> {
  const client = new BalanceClient({ endpoint: wire.endpoint, ...options });
  return await client.getCurrentBalance({ userId: fresh('user') });
}

function signers(requests: { headers: IncomingMessage['headers'] }[]): (string | undefined)[] {
  return requests.map(({ headers }) => /Credential=([^,]+)/.exec(`${headers.authorization}`)?.[1]);
}

test('fromTemporaryCredentials asks STS in the region of the client', async () => {
  await expect(read({ region: 'eu-central-1', credentials: assumedRole() })).resolves.toBe(100);

  expect(asked[0]?.body).toContain('Action=AssumeRole');
  expect(signers(asked)).toEqual([
    expect.stringMatching(/^MASTER\/\d+\/eu-central-1\/sts\/aws4_request$/),
  ]);
  expect(signers(wire.passed)).toEqual([
    expect.stringMatching(/^ASSUMED\/\d+\/eu-central-1\/dynamodb\/aws4_request$/),
  ]);
  expect(wire.passed[0]?.headers['x-amz-security-token']).toBe('token');
});

test('STS that fails for a moment costs no call', async () => {
  answer = { status: 503, body: '' };
  const balance = read({ region: 'eu-central-1', credentials: assumedRole() });
  await waitFor(() => asked.length > 0);
  answer = { status: 200, body: ASSUMED };

  await expect(balance).resolves.toBe(100);
});

test('STS that refuses is told at once', async () => {
  answer = { status: 403, body: DENIED };
  const error = await rejection(read({ region: 'eu-central-1', credentials: assumedRole() }));

  expect(error).toMatchObject({ code: 'NO_CREDENTIALS', cause: { name: 'AccessDenied' } });
  expect(asked).toHaveLength(1);
});

test.each([
  ['fromEnv', fromEnv],
  ['fromNodeProviderChain', fromNodeProviderChain],
])('%s gives what the environment has', async (_, provider) => {
  await read({ region: 'eu-central-1', credentials: provider() });

  expect(signers(wire.passed)).toEqual([
    expect.stringMatching(new RegExp(`^${process.env['AWS_ACCESS_KEY_ID']}/`)),
  ]);
});

async function waitFor(isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
