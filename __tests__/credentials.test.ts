// Where credentials come from, and what is said when there are none.

import { BalanceClient } from 'dynamodb-balance';

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
