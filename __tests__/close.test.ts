// close() waits for what is in flight and refuses what comes after it.

import { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';

test('calls in flight are answered before it resolves', async () => {
  const client = new BalanceClient();
  const answered: string[] = [];
  const calls = Array.from({ length: 20 }, () =>
    client.transact(request()).then(() => answered.push('call')),
  );
  await client.close();
  answered.push('close');
  await Promise.all(calls);

  expect(answered.indexOf('close')).toBe(20);
});

test('a call after it is refused', async () => {
  const client = new BalanceClient();
  await client.close();

  await expect(client.transact(request())).rejects.toMatchObject({
    code: 'CLIENT_CLOSED',
    retryable: false,
  });
  await expect(client.getCurrentBalance({ userId: 'user' })).rejects.toMatchObject({
    code: 'CLIENT_CLOSED',
  });
});

test('closing twice is closing once', async () => {
  const client = new BalanceClient();

  await expect(Promise.all([client.close(), client.close()])).resolves.toEqual([
    undefined,
    undefined,
  ]);
});

test('other clients go on', async () => {
  await new BalanceClient().close();

  await expect(new BalanceClient().transact(request())).resolves.toBeUndefined();
});
