// The metadata service of EC2 knows region and credentials of a machine. Where it is silent it
// costs a second, and where nothing is needed from it nothing.

import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

const original = { ...process.env };
const KEYS = { AWS_ACCESS_KEY_ID: 'ENV', AWS_SECRET_ACCESS_KEY: 's' };
let wire: Wire;
let asked: string[];
let close: () => void;

/** Opens a metadata service and makes it the only source there is. */
async function openService(react: RequestListener, environment: object): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    react(request, response);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  };
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_') && name !== 'AWS_ENDPOINT_URL_DYNAMODB') {
      Reflect.deleteProperty(process.env, name);
    }
  }
  Object.assign(process.env, {
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...environment,
  });
}

beforeEach(async () => {
  asked = [];
  wire = await openWire();
});

afterEach(async () => {
  close();
  process.env = { ...original };
  await wire.close();
});

async function read(client: BalanceClient): Promise<number> {
  return await client.getCurrentBalance({ userId: fresh('user') });
}

function regions(): (string | undefined)[] {
  return wire.passed.map(
    ({ headers }) => /Credential=[^/]+\/\d+\/([^/]+)\//.exec(`${headers.authorization}`)?.[1],
  );
}

const silent: RequestListener = () => {};

/** A service as it should be. */
const sound: RequestListener = (request, response) => {
  const answers: Record<string, string> = {
    '/latest/api/token': 'token',
    '/latest/meta-data/placement/region': 'eu-south-1',
    '/latest/meta-data/iam/security-credentials/': 'role',
    '/latest/meta-data/iam/security-credentials/role': JSON.stringify({
      Code: 'Success',
      Type: 'AWS-HMAC',
      AccessKeyId: 'MACHINE',
      SecretAccessKey: 's',
      Token: 't',
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      LastUpdated: new Date().toISOString(),
    }),
  };
  const answer = answers[`${request.url}`];
  response.writeHead(answer === undefined ? 404 : 200, {
    'x-aws-ec2-metadata-token-ttl-seconds': '21600',
  });
  response.end(answer);
};

test('it gives region and credentials', async () => {
  await openService(sound, {});
  await read(new BalanceClient({ endpoint: wire.endpoint }));

  expect(regions()).toEqual(['eu-south-1']);
  expect(`${wire.passed[0]?.headers.authorization}`).toContain('Credential=MACHINE/');
});

test('one that says nothing costs a second, and the region is us-east-1', async () => {
  await openService(silent, KEYS);
  const start = Date.now();
  const client = new BalanceClient({ endpoint: wire.endpoint });
  await Promise.all([read(client), read(client)]);

  expect(Date.now() - start).toBeLessThan(2500);
  expect(regions()).toEqual(['us-east-1', 'us-east-1']);
  expect(asked).toEqual(['PUT /latest/api/token']);
});

test('one that says nothing has no credentials', async () => {
  await openService(silent, { AWS_REGION: 'us-east-1' });
  const start = Date.now();

  await expect(read(new BalanceClient({ endpoint: wire.endpoint }))).rejects.toMatchObject({
    code: 'NO_CREDENTIALS',
    retryable: false,
  });
  expect(Date.now() - start).toBeLessThan(2500);
});

test('one that fails for a moment does not make another region of it', async () => {
  let isFailing = true;
  await openService((request, response) => {
    if (isFailing && request.url?.endsWith('/region') === true) {
      response.writeHead(503);
      response.end();
      return;
    }
    sound(request, response);
  }, KEYS);
  const client = new BalanceClient({ endpoint: wire.endpoint });
  const first = read(client);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(wire.passed).toEqual([]);
  isFailing = false;
  await first;

  expect(regions()).toEqual(['eu-south-1']);
});

test('it is not asked where region and credentials are known', async () => {
  await openService(silent, { ...KEYS, AWS_REGION: 'eu-west-1' });
  await read(new BalanceClient({ endpoint: wire.endpoint }));

  expect(asked).toEqual([]);
});

test.each(['true', 'TRUE', '1'])('it is not asked where %s disables it', async (word) => {
  await openService(silent, { AWS_EC2_METADATA_DISABLED: word });

  await expect(read(new BalanceClient({ endpoint: wire.endpoint }))).rejects.toMatchObject({
    code: 'NO_CREDENTIALS',
  });
  expect(asked).toEqual([]);
});
