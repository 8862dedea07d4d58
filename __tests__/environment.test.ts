// The configuration follows the environment as JavaScript sees it: Jest and worker threads give
// their code a process.env of its own, and what is set there counts.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BalanceClient } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import { openWire, type Wire } from './harness/wire';

const original = { ...process.env };
let wire: Wire;

beforeEach(async () => {
  wire = await openWire();
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) {
      Reflect.deleteProperty(process.env, name);
    }
  }
  // The wire forwards to this one.
  process.env['AWS_ENDPOINT_URL_DYNAMODB'] = original['AWS_ENDPOINT_URL_DYNAMODB'];
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
});

afterEach(async () => {
  await wire.close();
  process.env = { ...original };
});

const KEYS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'secret' };

/** How the first request of a client with nothing but this environment was signed. */
async function signature(environment: Record<string, string>): Promise<string | undefined> {
  Object.assign(process.env, environment);
  const client = new BalanceClient({ endpoint: wire.endpoint });
  await client.getCurrentBalance({ userId: fresh('user') });
  return /Credential=(\S+\/aws4_request)/.exec(`${wire.passed[0]?.headers.authorization}`)?.[1];
}

test('AWS_REGION and the keys are taken from process.env', async () => {
  await expect(signature({ ...KEYS, AWS_REGION: 'eu-north-1' })).resolves.toMatch(
    /^local\/\d{8}\/eu-north-1\//,
  );
});

test('variables that are no strings count as the real process.env would keep them, or not at all', async () => {
  process.env = Object.assign(
    { ...process.env },
    KEYS,
    { AWS_REGION: 'eu-north-1', AWS_EC2_METADATA_DISABLED: true, AWS_MAX_ATTEMPTS: 3 },
    { AWS_PROFILE: undefined, AWS_SESSION_TOKEN: null, HOME: {}, PORT: 8000n, odd: Symbol('odd') },
    // biome-ignore lint/suspicious/noExplicitAny: the types say what should be.
  ) as any;
  const client = new BalanceClient({ endpoint: wire.endpoint });
  await client.getCurrentBalance({ userId: fresh('user') });

  expect(wire.passed[0]?.headers.authorization).toMatch(/Credential=local\/\d{8}\/eu-north-1\//);
  expect(wire.passed[0]?.headers['x-amz-security-token']).toBeUndefined();
});

test('without any region it is us-east-1', async () => {
  await expect(signature(KEYS)).resolves.toMatch(/\/us-east-1\//);
});

test.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_DYNAMODB'])('%s is honoured', async (name) => {
  const target = wire.endpoint;
  Reflect.deleteProperty(process.env, 'AWS_ENDPOINT_URL_DYNAMODB');
  Object.assign(process.env, KEYS, { [name]: target, AWS_REGION: 'us-east-1' });
  // Nothing may answer but the wire itself: where it would forward to has been taken away.
  await wire.close();
  const outcome = new BalanceClient({ callTimeout: 200 }).getCurrentBalance({ userId: 'user' });

  await expect(outcome).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    message: expect.stringContaining('refused'),
  });
});

test('an endpoint that is no URL is refused by name', async () => {
  Object.assign(process.env, KEYS, { AWS_ENDPOINT_URL_DYNAMODB: 'localhost:8000' });

  await expect(new BalanceClient().getCurrentBalance({ userId: 'user' })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('AWS_ENDPOINT_URL_DYNAMODB'),
  });
});

describe('with configuration files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  const files = {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
  };

  beforeAll(() => {
    writeFileSync(
      files.AWS_CONFIG_FILE,
      '[default]\nregion = eu-west-3\n[profile other]\nregion = ap-south-1\n',
    );
    writeFileSync(
      files.AWS_SHARED_CREDENTIALS_FILE,
      '[default]\naws_access_key_id = first\naws_secret_access_key = secret\n' +
        '[other]\naws_access_key_id = second\naws_secret_access_key = secret\n',
    );
  });

  test('the default profile gives region and credentials', async () => {
    await expect(signature(files)).resolves.toMatch(/^first\/\d{8}\/eu-west-3\//);
  });

  test('AWS_PROFILE names another', async () => {
    await expect(signature({ ...files, AWS_PROFILE: 'other' })).resolves.toMatch(
      /^second\/\d{8}\/ap-south-1\//,
    );
  });

  test('the option profile names another', async () => {
    Object.assign(process.env, files);
    const client = new BalanceClient({ endpoint: wire.endpoint, profile: 'other' });
    await client.getCurrentBalance({ userId: fresh('user') });

    expect(wire.passed[0]?.headers.authorization).toContain('Credential=second/');
  });
});

test('without any credentials the error lists where they were looked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, 'none'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
  });
  const client = new BalanceClient({ endpoint: wire.endpoint, region: 'us-east-1' });

  await expect(client.getCurrentBalance({ userId: 'user' })).rejects.toMatchObject({
    code: 'NO_CREDENTIALS',
    message: expect.stringMatching(/^No credentials: .*environment, profile/),
  });
  expect(wire.passed).toEqual([]);
});

describe('what cannot be reached is named with its scheme and region', () => {
  test('where nobody listens', async () => {
    Object.assign(process.env, KEYS);
    await wire.close();
    const options = { endpoint: wire.endpoint, region: 'eu-wset-1', callTimeout: 200 };

    await expect(
      new BalanceClient(options).getCurrentBalance({ userId: 'user' }),
    ).rejects.toMatchObject({
      code: 'NOTHING_HAPPENED',
      message: expect.stringContaining(`(${wire.endpoint}/, region eu-wset-1)`),
    });
  });

  test('where https meets a server that speaks http', async () => {
    Object.assign(process.env, KEYS);
    const endpoint = wire.endpoint.replace('http:', 'https:');
    const options = { endpoint, region: 'us-east-1', callTimeout: 300 };

    await expect(
      new BalanceClient(options).getCurrentBalance({ userId: 'user' }),
    ).rejects.toMatchObject({
      code: 'NOTHING_HAPPENED',
      message: expect.stringContaining(
        `does it speak http:// and not https://? (${endpoint}/, region us-east-1)`,
      ),
    });
  });
});
