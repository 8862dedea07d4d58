// close() waits for what is in flight and refuses what comes after it.

import { BalanceClient } from 'dynamodb-balance';

import { rejection, request } from './harness/calls';
import { fresh } from './harness/tables';

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

test('tables that are being made are waited for', async () => {
  const client = new BalanceClient({
    balancesTable: fresh('Balances'),
    transactionsTable: fresh('Transactions'),
  });
  const done: string[] = [];
  const made = client.createTables().then(() => done.push('createTables'));
  await client.close();
  done.push('close');
  await made;

  expect(done).toEqual(['createTables', 'close']);
});

test('tables are not made after it', async () => {
  const client = new BalanceClient();
  await client.close();

  await expect(client.createTables()).rejects.toMatchObject({
    code: 'CLIENT_CLOSED',
    retryable: false,
    // As a call is told.
    message: (await rejection(client.transact(request()))).message,
  });
});

test('other clients go on', async () => {
  await new BalanceClient().close();

  await expect(new BalanceClient().transact(request())).resolves.toBeUndefined();
});

test('a client is closed at the end of a block that is using it', async () => {
  const client = new BalanceClient();
  const call = client.transact(request());
  await client[Symbol.asyncDispose]();

  await expect(call).resolves.toBeUndefined();
  await expect(client.transact(request())).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  expect(Object.keys(client)).toEqual([]);
});

test('a client that was closed long ago can be closed again, and refuses', async () => {
  const credentials = async () => ({ accessKeyId: 'local', secretAccessKey: 'secret' });
  const client = new BalanceClient({ credentials });
  await client.getCurrentBalance({ userId: fresh('user') });
  await client.close();

  await expect(client.close()).resolves.toBeUndefined();
  await expect(client.listTransactions({ userId: 'user' })).rejects.toMatchObject({
    code: 'CLIENT_CLOSED',
  });
});
