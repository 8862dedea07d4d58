// Where credentials come from, and what is said when there are none.

import { BalanceClient, type CredentialsContext } from 'dynamodb-balance';

import { rejection } from './harness/calls';
import { fresh } from './harness/tables';
import { openWire, serviceError, type Wire } from './harness/wire';

let wire: Wire;

beforeEach(async () => {
  wire = await openWire();
});

afterEach(() => wire.close());

async function read(client: BalanceClient): Promise<number> {
  return await client.getCurrentBalance({ userId: fresh('user') });
}

function signers(): (string | undefined)[] {
  return wire.passed.map(
    ({ headers }) => /Credential=([^/]+)/.exec(`${headers.authorization}`)?.[1],
  );
}

test('an object signs the requests', async () => {
  const credentials = { accessKeyId: 'fixed', secretAccessKey: 'secret', sessionToken: 'token' };
  await read(new BalanceClient({ endpoint: wire.endpoint, credentials }));

  expect(signers()).toEqual(['fixed']);
  expect(wire.passed[0]?.headers['x-amz-security-token']).toBe('token');
});

test('a function is asked once as long as its credentials last', async () => {
  const provide = jest.fn(async () => ({
    accessKeyId: 'lasting',
    secretAccessKey: 'secret',
    expiration: new Date(Date.now() + 3_600_000),
  }));
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials: provide });
  await read(client);
  await read(client);

  expect(signers()).toEqual(['lasting', 'lasting']);
  expect(provide).toHaveBeenCalledTimes(1);
});

test('a function is asked again when its credentials have expired', async () => {
  let asked = 0;
  const credentials = async () => {
    asked += 1;
    return {
      accessKeyId: `short${asked}`,
      secretAccessKey: 'secret',
      expiration: new Date(Date.now() + 1),
    };
  };
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials });
  await read(client);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await read(client);

  expect(signers()).toEqual(['short1', 'short2']);
});

test('a function that fails is told with its own error as the cause', async () => {
  const failure = new Error('the vault is closed');
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: () => Promise.reject(failure),
  });

  await expect(read(client)).rejects.toMatchObject({ code: 'NO_CREDENTIALS', cause: failure });
  expect(wire.passed).toEqual([]);
});

test('a function that fails for a reason that does not pass is asked once', async () => {
  const credentials = jest.fn(() => Promise.reject(new Error('the vault does not know you')));
  const error = await rejection(read(new BalanceClient({ endpoint: wire.endpoint, credentials })));

  expect(error).toMatchObject({ code: 'NO_CREDENTIALS', retryable: false });
  expect(error.message).toContain('the credentials function failed');
  expect(credentials).toHaveBeenCalledTimes(1);
});

const PASSING: [string, object][] = [
  ['a refused connection', { code: 'ECONNREFUSED' }],
  ['a name that is not found', { code: 'ENOTFOUND' }],
  ['a cause that may pass', { cause: new Error('', { cause: { code: 'ECONNRESET' } }) }],
  ['a timeout', { name: 'TimeoutError' }],
  ['throttling', { name: 'ThrottlingException', $fault: 'client' }],
  ['what the SDK would try again', { $retryable: {} }],
  ['a failing service', { $fault: 'server' }],
  ['an answer with status 503', { $metadata: { httpStatusCode: 503 } }],
  ['an error that says so', { retryable: true }],
];

test.each(PASSING)('after %s the function is asked again, within the call', async (_, fields) => {
  const credentials = jest
    .fn(async () => ({ accessKeyId: 'later', secretAccessKey: 'secret' }))
    .mockRejectedValueOnce(Object.assign(new Error('not now'), fields));

  await expect(read(new BalanceClient({ endpoint: wire.endpoint, credentials }))).resolves.toBe(
    100,
  );
  expect(signers()).toEqual(['later']);
  expect(credentials).toHaveBeenCalledTimes(2);
});

test('a function that fails for a passing reason until the deadline can be called again', async () => {
  const failure = Object.assign(new Error('STS is down'), { $fault: 'server' });
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    callTimeout: 300,
    credentials: () => Promise.reject(failure),
  });
  const error = await rejection(read(client));

  expect(error).toMatchObject({ code: 'NOTHING_HAPPENED', retryable: true });
  expect(error.cause).toBe(failure);
  expect(error.message).toContain('the credentials function failed');
  expect(wire.passed).toEqual([]);
});

test.each([
  ['a refusal', { $fault: 'client', $metadata: { httpStatusCode: 403 } }],
  ['an error that says it does not pass', { retryable: false }],
  ['nothing', undefined],
  ['an error whose reading throws', Object.defineProperty({}, 'code', { get: thrower })],
  ['an error that is its own cause', ownCause()],
])('%s is not taken for a reason that may pass', async (_, failure) => {
  const credentials = jest.fn(() => Promise.reject(failure));
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials });

  await expect(read(client)).rejects.toMatchObject({ code: 'NO_CREDENTIALS', retryable: false });
  expect(credentials).toHaveBeenCalledTimes(1);
});

function thrower(): never {
  throw new Error('for this test');
}

function ownCause(): Error {
  const error = new Error('for this test');
  error.cause = error;
  return error;
}

test('a function is told the region and the profile, as the AWS SDK does', async () => {
  const contexts: CredentialsContext[] = [];
  const credentials = async (context: CredentialsContext) => {
    contexts.push(context);
    return { accessKeyId: 'told', secretAccessKey: 'secret' };
  };
  const options = { endpoint: wire.endpoint, credentials };
  await read(new BalanceClient({ ...options, region: 'eu-central-1', profile: 'default' }));
  await read(new BalanceClient({ ...options, region: 'ap-south-1' }));

  const told = contexts.map(({ callerClientConfig }) => callerClientConfig);
  expect(await Promise.all(told.map(({ region }) => region()))).toEqual([
    'eu-central-1',
    'ap-south-1',
  ]);
  expect(told[0]).toHaveProperty('profile', 'default');
  expect(told[1]).not.toHaveProperty('profile');
});

test('each failure is the cause of what it ended, and of nothing else', async () => {
  let failures = 0;
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: () => {
      failures += 1;
      return Promise.reject(new Error(`failure ${failures}`));
    },
  });
  const first = await rejection(read(client));
  const second = await rejection(read(client));

  expect(first.cause).toEqual(new Error('failure 1'));
  expect(second.cause).toEqual(new Error('failure 2'));
});

test('a failure from before is not the cause of what fails for another reason', async () => {
  const failure = new Error('the vault is closed');
  let asked = 0;
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    callTimeout: 300,
    credentials: () => {
      asked += 1;
      return asked === 1 ? Promise.reject(failure) : new Promise(() => undefined);
    },
  });
  const first = await rejection(read(client));
  const second = await rejection(read(client));

  expect(first.cause).toBe(failure);
  expect(second.cause).not.toBe(failure);
});

test('a function that returns nonsense is told with what is wrong as the cause', async () => {
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: (async () => ({ accessKeyId: 5 })) as never,
  });

  await expect(read(client)).rejects.toMatchObject({
    code: 'NO_CREDENTIALS',
    cause: expect.objectContaining({
      message: expect.stringContaining('credentials.accessKeyId must be a string'),
    }),
  });
});

/** A server that refuses those it does not know, and the clients' way to it. */
async function openStrictWire(...known: string[]): Promise<void> {
  await wire.close();
  wire = await openWire((index) =>
    known.includes(`${signers()[index]}`) ? 'forward' : serviceError('ExpiredTokenException'),
  );
}

/** A function that gives keys with these names, one after the other. */
function oneAfterTheOther(...names: string[]) {
  const left = [...names];
  return jest.fn(async () => ({
    accessKeyId: left.length > 1 ? `${left.shift()}` : `${left[0]}`,
    secretAccessKey: 'secret',
  }));
}

test('rejected credentials are asked for again at once, within the call', async () => {
  await openStrictWire('current');
  const provide = oneAfterTheOther('expired', 'current');
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials: provide });
  await expect(read(client)).resolves.toBe(100);
  const transaction = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 1 };
  await client.transact({ ...transaction, type: 'credit' });

  expect(signers()).toEqual(['expired', 'current', 'current']);
  expect(provide).toHaveBeenCalledTimes(2);
});

test('many calls with rejected credentials ask once more', async () => {
  await openStrictWire('current');
  const provide = oneAfterTheOther('expired', 'current');
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials: provide });
  await Promise.all(Array.from({ length: 50 }, () => read(client)));

  expect(provide).toHaveBeenCalledTimes(2);
});

test('credentials that are always rejected are asked for once more, and the call is told', async () => {
  await openStrictWire('nobody');
  const provide = oneAfterTheOther('expired');
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials: provide });

  await expect(read(client)).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED' });
  expect(provide).toHaveBeenCalledTimes(2);
  expect(signers()).toEqual(['expired', 'expired']);
});

test('fixed credentials that are rejected are told at once', async () => {
  await openStrictWire('nobody');
  const credentials = { accessKeyId: 'fixed', secretAccessKey: 'secret' };
  const client = new BalanceClient({ endpoint: wire.endpoint, credentials });

  await expect(read(client)).rejects.toMatchObject({ code: 'CREDENTIALS_REJECTED' });
  expect(signers()).toEqual(['fixed']);
});

test('credentials that take longer than an attempt are asked for once', async () => {
  const provide = jest.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { accessKeyId: 'slow', secretAccessKey: 'secret' };
  });
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: provide,
    attemptTimeout: 200,
  });
  await expect(Promise.all([read(client), read(client)])).resolves.toEqual([100, 100]);

  expect(provide).toHaveBeenCalledTimes(1);
});

test('a function that does not answer is named at the deadline', async () => {
  // Whatever will settle the promise is there, so that it cannot be collected.
  const resolvers: (() => void)[] = [];
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: () => new Promise((_, reject) => resolvers.push(() => reject(new Error()))),
    attemptTimeout: 100,
    callTimeout: 350,
  });

  await expect(read(client)).rejects.toMatchObject({
    code: 'NOTHING_HAPPENED',
    message: expect.stringContaining('the credentials function has not answered yet'),
  });
  expect(wire.passed).toEqual([]);
  expect(resolvers).toHaveLength(1);
});

test('a renewal that hangs does not cost credentials that are still valid', async () => {
  const hanging: (() => void)[] = [];
  let asked = 0;
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    credentials: async () => {
      asked += 1;
      if (asked > 1) {
        await new Promise<void>((resolve) => hanging.push(resolve));
      }
      const expiration = new Date(Date.now() + 3000);
      return { accessKeyId: 'valid', secretAccessKey: 'secret', expiration };
    },
  });
  await read(client);
  await new Promise((resolve) => setTimeout(resolve, 1700));
  await read(client);
  await read(client);

  expect(signers()).toEqual(['valid', 'valid', 'valid']);
  expect(asked).toBe(2);
});

test.each(['ExpiredTokenException', 'InvalidSignatureException', 'UnrecognizedClientException'])(
  '%s is told without repeating what DynamoDB wrote',
  async (code) => {
    await wire.close();
    wire = await openWire(() => serviceError(code, { message: 'x-amz-security-token:a token' }));
    const client = new BalanceClient({ endpoint: wire.endpoint });
    const error: Error = await read(client).then(
      () => new Error('it succeeded'),
      (failure: Error) => failure,
    );

    expect(error).toMatchObject({ code: 'CREDENTIALS_REJECTED' });
    expect(error.message).toContain(code);
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain('a token');
  },
);

test('a missing permission is told in the words of DynamoDB', async () => {
  await wire.close();
  const message = 'User: arn:aws:iam::1:user/a is not authorized to perform: dynamodb:GetItem';
  wire = await openWire(() => serviceError('AccessDeniedException', { message }));

  await expect(read(new BalanceClient({ endpoint: wire.endpoint }))).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('not authorized to perform: dynamodb:GetItem'),
  });
});
