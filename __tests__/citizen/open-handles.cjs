// A test suite of an application, in Jest: a client that is used and, if it is asked for, closed.

const { BalanceClient } = require('dynamodb-balance');

test('an application reads a balance', async () => {
  const credentials = async () => ({ accessKeyId: 'local', secretAccessKey: 'secret' });
  const client = new BalanceClient({ credentials });
  await client.getBalance({ userId: 'an application' });
  if (process.env.CLOSES_ITS_CLIENT === 'yes') {
    await client.close();
  }
});
