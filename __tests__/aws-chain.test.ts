// The AWS chain is read as the AWS SDK for JavaScript reads it: whoever replaces the one by the
// other goes on with the same credentials, in the same region, at the same endpoint.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BalanceClient } from 'dynamodb-balance';

const original = { ...process.env };

/** What STS answers to an action. */
const roleAnswer = (action: string) =>
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>` +
  `<Credentials><AccessKeyId>${action}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>` +
  '<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>' +
  `</${action}Result></${action}Response>`;

/** What the others answer who have credentials, by path. */
const answers: Record<string, object> = {
  '/container': {
    AccessKeyId: 'CONTAINER',
    SecretAccessKey: 's',
    Token: 't',
    Expiration: '2099-01-01T00:00:00Z',
  },
  '/federation/credentials?account_id=1&role_name=r': {
    roleCredentials: {
      accessKeyId: 'SSO',
      secretAccessKey: 's',
      sessionToken: 't',
      expiration: Date.parse('2099-01-01T00:00:00Z'),
    },
  },
};

/** Who asked, in which region, with which session token. */
interface Seen {
  signer: string | undefined;
  region: string | undefined;
  token: string | undefined;
}

let servers: Server[];
let endpoints: string[];
let seen: (Seen & { at: number })[];

beforeAll(async () => {
  servers = [0, 1].map((at) => createServer((request, response) => answer(at, request, response)));
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  endpoints = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  process.env = { ...original };
});

function answer(at: number, request: IncomingMessage, response: ServerResponse) {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const known = answers[String(request.url).split('?').map(sorted).join('?')];
    if (known !== undefined) {
      response.end(JSON.stringify(known));
    } else if (request.headers['x-amz-target'] === undefined) {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(roleAnswer(`${/Action=(\w+)/.exec(body)?.[1]}`));
    } else {
      answerAsDynamoDb(at, request, response);
    }
  });
}

/** Parameters in the order of the alphabet. */
function sorted(query: string): string {
  return query.split('&').sort().join('&');
}

function answerAsDynamoDb(at: number, request: IncomingMessage, response: ServerResponse) {
  const [, signer, region] =
    /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(`${request.headers.authorization}`) ?? [];
  const token = request.headers['x-amz-security-token'] as string | undefined;
  seen.push({ at, signer, region, token });
  // As DynamoDB answers that there is no item; 2745614147 is the CRC-32 of the two braces.
  response.writeHead(200, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': 'STAND-IN',
    'x-amz-crc32': '2745614147',
  });
  response.end('{}');
}

interface Row {
  /** The endpoint is that of the first server unless `ownEndpoint`. */
  env?: Record<string, string>;
  config?: string;
  credentials?: string;
  options?: object;
  ownEndpoint?: true;
}

const KEYS = { AWS_ACCESS_KEY_ID: 'ENV', AWS_SECRET_ACCESS_KEY: 's' };
const REGION = { AWS_REGION: 'eu-north-1' };
const DEFAULT_REGION = '[default]\nregion = eu-west-1\n';
const keys = (name: string) => `aws_access_key_id = ${name}\naws_secret_access_key = s\n`;

const rows: Record<string, Row> = {
  'keys and region of the environment': { env: { ...KEYS, ...REGION } },
  'a session token of the environment': { env: { ...KEYS, ...REGION, AWS_SESSION_TOKEN: 'tok' } },
  'an empty session token': { env: { ...KEYS, ...REGION, AWS_SESSION_TOKEN: '' } },
  'an empty region': { env: { ...KEYS, AWS_REGION: '' }, options: { region: 'eu-west-2' } },
  'an empty profile': { env: { ...KEYS, AWS_PROFILE: '' }, config: DEFAULT_REGION },
  'empty keys beside a profile': {
    env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', ...REGION },
    credentials: `[default]\n${keys('FILE')}`,
  },
  'half of the keys beside a profile': {
    env: { AWS_ACCESS_KEY_ID: 'ENV', ...REGION },
    credentials: `[default]\n${keys('FILE')}`,
  },
  'keys of the environment beside the default profile': {
    env: { ...KEYS, ...REGION },
    credentials: `[default]\n${keys('FILE')}`,
  },
  'the region of the default profile': { env: KEYS, config: DEFAULT_REGION },
  'the environment before the profile for the region': {
    env: { ...KEYS, ...REGION },
    config: DEFAULT_REGION,
  },
  'the profile before AWS_DEFAULT_REGION': {
    env: { ...KEYS, AWS_DEFAULT_REGION: 'us-west-2' },
    config: DEFAULT_REGION,
  },
  'the option region before all': {
    env: { ...KEYS, ...REGION },
    config: DEFAULT_REGION,
    options: { region: 'sa-east-1' },
  },
  'the option profile before keys of the environment': {
    env: { ...KEYS, ...REGION },
    credentials: `[prod]\n${keys('PROD')}`,
    options: { profile: 'prod' },
  },
  'AWS_PROFILE before keys of the environment': {
    env: { ...KEYS, AWS_PROFILE: 'prod' },
    config: '[profile prod]\nregion = ap-south-1\n',
    credentials: `[prod]\n${keys('PROD')}`,
  },
  'the option profile before AWS_PROFILE': {
    env: { ...REGION, AWS_PROFILE: 'other' },
    credentials: `[prod]\n${keys('PROD')}[other]\n${keys('OTHER')}`,
    options: { profile: 'prod' },
  },
  'the region of the option profile': {
    config: `[default]\nregion = us-west-1\n[profile prod]\nregion = ap-south-1\n${keys('PROD')}`,
    options: { profile: 'prod' },
  },
  'the option credentials before the option profile': {
    config: '[profile prod]\nregion = ap-south-1\n',
    options: { profile: 'prod', credentials: { accessKeyId: 'OPTION', secretAccessKey: 's' } },
  },
  'an empty session token as an option': {
    env: REGION,
    options: { credentials: { accessKeyId: 'OPTION', secretAccessKey: 's', sessionToken: '' } },
  },
  'the credentials file before the configuration file': {
    config: `[default]\nregion = us-west-1\n${keys('CONFIG')}`,
    credentials: `[default]\nregion = us-west-2\n${keys('CREDENTIALS')}`,
  },
  'keys in the configuration file': {
    env: REGION,
    config: `[profile prod]\n${keys('CONFIG')}`,
    options: { profile: 'prod' },
  },
  'an empty session token in the file': {
    env: REGION,
    credentials: `[default]\n${keys('FILE')}aws_session_token =\n`,
  },
  'a session token in the file': {
    env: REGION,
    credentials: `[default]\naws_session_token = tok\n${keys('FILE')}`,
  },
  'an indented file': { env: KEYS, config: '[default]\n region = eu-west-1\n' },
  'a byte order mark': { env: KEYS, config: `\uFEFF${DEFAULT_REGION}` },
  'lines of Windows': { env: KEYS, config: '[default]\r\nregion = eu-west-1\r\n' },
  'a line without an equals sign': { env: KEYS, config: `[default]\noutput\nregion = eu-west-1\n` },
  'a broken profile before': { env: KEYS, config: `[profile x]\n  y\n=\n${DEFAULT_REGION}` },
  'a broken credentials file': {
    env: KEYS,
    config: DEFAULT_REGION,
    credentials: 'oops\n[default\n',
  },
  'comments everywhere': {
    env: KEYS,
    config: '; a\n[default] # b\n  # c\nregion = eu-west-1 ; d\n',
  },
  'a section twice': { env: KEYS, config: `[default]\noutput = json\n${DEFAULT_REGION}` },
  'the default profile by its long name': {
    env: KEYS,
    config: '[default]\nregion = us-west-1\n[profile default]\nregion = eu-west-1\n',
  },
  'a quoted profile': {
    env: KEYS,
    config: '[profile "a b"]\nregion = us-west-1\n[profile "ab"]\nregion = eu-west-1\n',
    credentials: `[ab]\n${keys('QUOTED')}`,
    options: { profile: 'ab' },
  },
  'a nested section with a region of its own': {
    env: KEYS,
    config: '[default]\ns3 =\n  region = us-west-1\nregion = eu-west-1\n',
  },
  'a process': { env: REGION, config: '[default]\ncredential_process = PROCESS\n' },
  'a process of the option profile beside keys of the environment': {
    env: { ...KEYS, ...REGION },
    config: '[profile prod]\ncredential_process = PROCESS\n',
    options: { profile: 'prod' },
  },
  'a role of a profile': {
    env: { ...REGION, AWS_ENDPOINT_URL_STS: 'ENDPOINT' },
    config: '[profile prod]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n',
    credentials: `[base]\n${keys('BASE')}`,
    options: { profile: 'prod' },
  },
  'a role of the environment': {
    env: { ...KEYS, ...REGION, AWS_PROFILE: 'prod', AWS_ENDPOINT_URL_STS: 'ENDPOINT' },
    config: '[profile prod]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Environment\n',
  },
  'a web identity': {
    env: {
      ...REGION,
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
      AWS_WEB_IDENTITY_TOKEN_FILE: 'FOLDER/program',
      AWS_ENDPOINT_URL_STS: 'ENDPOINT',
    },
  },
  'a container': {
    env: { ...REGION, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ENDPOINT/container' },
  },
  'a container beside AWS_PROFILE of a profile that is missing': {
    env: {
      ...KEYS,
      ...REGION,
      AWS_PROFILE: 'ghost',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'ENDPOINT/container',
    },
  },
  SSO: {
    env: { ...REGION, HOME: 'FOLDER', AWS_ENDPOINT_URL_SSO: 'ENDPOINT' },
    config:
      '[default]\nsso_session = mine\nsso_account_id = 1\nsso_role_name = r\n' +
      '[sso-session mine]\n  sso_region = eu-west-1\nsso_start_url = https://a.test\n',
  },
  AWS_ENDPOINT_URL: { ownEndpoint: true, env: { ...KEYS, ...REGION, AWS_ENDPOINT_URL: 'OTHER' } },
  'AWS_ENDPOINT_URL_DYNAMODB before AWS_ENDPOINT_URL': {
    ownEndpoint: true,
    env: {
      ...KEYS,
      ...REGION,
      AWS_ENDPOINT_URL: 'ENDPOINT',
      AWS_ENDPOINT_URL_DYNAMODB: 'OTHER',
    },
  },
  'an empty endpoint beside another': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION, AWS_ENDPOINT_URL: 'OTHER', AWS_ENDPOINT_URL_DYNAMODB: '' },
  },
  'the endpoint of a profile': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION },
    config: '[default]\nendpoint_url = OTHER\n',
  },
  'the endpoint of a profile of AWS_PROFILE': {
    ownEndpoint: true,
    env: { ...REGION, AWS_PROFILE: 'prod' },
    config: `[default]\nendpoint_url = ENDPOINT\n[profile prod]\nendpoint_url = OTHER\n${keys('PROD')}`,
  },
  'the endpoint of a profile beside the option profile': {
    ownEndpoint: true,
    env: { ...REGION },
    config: `[default]\nendpoint_url = ENDPOINT\n[profile prod]\nendpoint_url = OTHER\n${keys('PROD')}`,
    options: { profile: 'prod' },
  },
  'the endpoint of a services section': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION },
    config:
      '[default]\nservices = mine\nendpoint_url = ENDPOINT\n' +
      '[services mine]\ndynamodb =\n  endpoint_url = OTHER\n',
  },
  'the environment before the profile for the endpoint': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION, AWS_ENDPOINT_URL: 'OTHER' },
    config: '[default]\nendpoint_url = ENDPOINT\n',
  },
  'a profile that is missing, of AWS_PROFILE, where nothing is needed of it': {
    env: { ...REGION, AWS_PROFILE: 'ghost' },
    options: { credentials: { accessKeyId: 'OPTION', secretAccessKey: 's' } },
  },
  'a wrong word for FIPS': { env: { ...KEYS, ...REGION, AWS_USE_FIPS_ENDPOINT: 'yes' } },
};

/** Makes the environment of a row; the result are the options for either client. */
function prepare({ env = {}, config, credentials, options = {}, ownEndpoint }: Row) {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  const program = join(folder, 'program');
  writeFileSync(
    program,
    `#!/bin/sh\necho '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"}'\n`,
  );
  chmodSync(program, 0o755);
  const cache = join(folder, '.aws', 'sso', 'cache');
  mkdirSync(cache, { recursive: true });
  const file = `${createHash('sha1').update('mine').digest('hex')}.json`;
  const accessToken = { accessToken: 'token', expiresAt: '2099-01-01T00:00:00Z' };
  writeFileSync(join(cache, file), JSON.stringify(accessToken));
  const fill = (text: string) =>
    text
      .replaceAll('FOLDER', folder)
      .replaceAll('ENDPOINT', `${endpoints[0]}`)
      .replaceAll('OTHER', ownEndpoint ? `${endpoints[1]}` : 'OTHER')
      .replaceAll('credential_process = PROCESS', `credential_process = ${program}`);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) {
      Reflect.deleteProperty(process.env, name);
    }
  }
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  process.env['AWS_CONFIG_FILE'] = join(folder, 'config');
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(folder, 'credentials');
  for (const [name, value] of Object.entries(env)) {
    process.env[name] = fill(value);
  }
  if (config !== undefined) {
    writeFileSync(join(folder, 'config'), fill(config));
  }
  if (credentials !== undefined) {
    writeFileSync(join(folder, 'credentials'), credentials);
  }
  return ownEndpoint ? options : { endpoint: `${endpoints[0]}`, ...options };
}

describe('as the AWS SDK for JavaScript', () => {
  beforeAll(() => jest.spyOn(console, 'warn').mockImplementation(() => {}));
  afterAll(() => jest.restoreAllMocks());

  test.each(Object.keys(rows))('%s', async (name) => {
    const { DynamoDBClient, GetItemCommand } = await import('@aws-sdk/client-dynamodb');
    seen = [];
    const options = prepare(rows[name] as Row);
    const sdk = new DynamoDBClient(options);
    await sdk.send(new GetItemCommand({ TableName: 'T', Key: { userId: { S: 'u' } } }));
    sdk.destroy();
    await new BalanceClient(options).getCurrentBalance({ userId: 'u' });

    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[1]?.signer).toBeDefined();
  });
});

/** Where the SDK for JavaScript fails late or with other words. */
const refused: Record<string, Row & { message: RegExp; code?: string }> = {
  'a profile that does not exist, by the option': {
    env: { ...KEYS, ...REGION },
    options: { profile: 'ghost' },
    message: /profile names the profile "ghost", which does not exist/,
  },
  'a profile that does not exist, by AWS_PROFILE, without a region': {
    env: { ...KEYS, AWS_PROFILE: 'ghost' },
    message: /AWS_PROFILE names the profile "ghost", which does not exist/,
  },
  'a profile that does not exist, by AWS_PROFILE, without credentials': {
    env: { ...KEYS, ...REGION, AWS_PROFILE: 'ghost' },
    code: 'NO_CREDENTIALS',
    message: /AWS_PROFILE names the profile "ghost", which does not exist/,
  },
  'a region that is not understood': {
    env: KEYS,
    config: '[default]\nregion eu-west-1\n',
    message: /line 2 of .*config says nothing/,
  },
  'a configuration file that cannot be read, without a region': {
    env: { ...KEYS, AWS_CONFIG_FILE: tmpdir() },
    message: /cannot be read/,
  },
  'an endpoint with a password': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION, AWS_ENDPOINT_URL: 'http://bob:s3cr3t@127.0.0.1:1' },
    message: /AWS_ENDPOINT_URL must not contain a user or a password(?!.*s3cr3t)/,
  },
  'an endpoint and FIPS': {
    env: { ...KEYS, ...REGION, AWS_USE_FIPS_ENDPOINT: 'true' },
    message: /endpoint and AWS_USE_FIPS_ENDPOINT .*exclude each other/,
  },
  'an endpoint and dual stack in a profile': {
    env: { ...KEYS, ...REGION },
    config: '[default]\nuse_dualstack_endpoint = true\n',
    message: /endpoint and AWS_USE_DUALSTACK_ENDPOINT .*exclude each other/,
  },
  'a services section that does not exist': {
    ownEndpoint: true,
    env: { ...KEYS, ...REGION },
    config: '[default]\nservices = ghost\n',
    message: /services in the profile names the section "ghost", which does not exist/,
  },
};

test.each(Object.keys(refused))('%s is refused by name', async (name) => {
  seen = [];
  const { message, code = 'INVALID_OPTION', ...row } = refused[name] as (typeof refused)[string];
  const client = new BalanceClient(prepare(row));

  await expect(client.getCurrentBalance({ userId: 'u' })).rejects.toMatchObject({
    code,
    retryable: false,
    message: expect.stringMatching(message),
  });
  expect(seen).toEqual([]);
});

test('without any region it is us-east-1, where the SDK for JavaScript fails', async () => {
  seen = [];
  await new BalanceClient(prepare({ env: KEYS })).getCurrentBalance({ userId: 'u' });
  expect(seen[0]?.region).toBe('us-east-1');
});

test('a region named for other tools alone counts, where the SDK for JavaScript fails', async () => {
  seen = [];
  const options = prepare({ env: { ...KEYS, AWS_DEFAULT_REGION: 'eu-west-2' } });
  await new BalanceClient(options).getCurrentBalance({ userId: 'u' });
  expect(seen[0]?.region).toBe('eu-west-2');
});
