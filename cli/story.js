// The story of an account, told while it happens: on tables in memory by `dynamodb-balance demo`, and on DynamoDB Local by
// `npm run demo`.

const DEBITS = 1000;
const DEBIT = 0.25;
const COVERED = 400;

/**
 * @typedef {object} Teller
 * @property {(title: string) => void} step begins a chapter
 * @property {(line: string) => void} say tells what happens in it
 * @property {(userId: string) => Promise<number>} countRecords
 */

/**
 * @param {import('..').BalanceClient} client whose tables nobody has used
 * @param {Teller} teller
 */
async function tellStory(client, { step, say, countRecords }) {
  /** @param {string} userId */
  const tellBalance = async (userId) => {
    const { balance, held } = await client.getBalance({ userId });
    say(`balance of ${userId}: ${balance}${held === '0' ? '' : `, and ${held} on hold`}`);
  };

  step('A user whom nobody has seen before has the default balance');
  await tellBalance('alice');

  step('A debit of 30.10');
  /** @type {import('..').TransactInput} */
  const order = { idempotentKey: 'order-17', userId: 'alice', amount: 30.1, type: 'debit' };
  await client.transact(order);
  await tellBalance('alice');

  step('The same debit again, with the same key, as after a retry');
  say(await refusalOf(client.transact(order)));
  await tellBalance('alice');

  step('A debit larger than the balance');
  say(await refusalOf(client.transact({ ...order, idempotentKey: 'order-18', amount: 500 })));
  await tellBalance('alice');

  step('A gift of 5 to bob: both balances change, or neither');
  await client.createTransactions({
    transactions: [
      { idempotentKey: 'gift-1/out', userId: 'alice', amount: 5, type: 'debit' },
      { idempotentKey: 'gift-1/in', userId: 'bob', amount: 5, type: 'credit' },
    ],
  });
  await tellBalance('alice');
  await tellBalance('bob');

  step('A job that may cost up to 20: a hold, of which 3.20 are captured in the end');
  await client.createHold({ idempotentKey: 'job-7', userId: 'alice', amount: 20 });
  await tellBalance('alice');
  await client.captureHold({ idempotentKey: 'job-7/used', hold: 'job-7', amount: '3.20' });
  await tellBalance('alice');

  step(`${DEBITS} debits of ${DEBIT} at once, on one account with a balance of 100`);
  await race(client, say);
  const records = await countRecords('carol');
  const balance = await client.getCurrentBalance({ userId: 'carol' });
  say(`${records} records of ${DEBIT}, and a balance of ${balance}`);
  if (records !== COVERED || balance !== 0) {
    throw new Error('The records and the balance do not add up.');
  }
  say(`they add up: 100 - ${COVERED} x ${DEBIT} = 0`);
}

/**
 * The balance covers some of them: exactly those pass.
 *
 * @param {import('..').BalanceClient} client
 * @param {(line: string) => void} say
 */
async function race(client, say) {
  const start = Date.now();
  const outcomes = await Promise.allSettled(
    Array.from({ length: DEBITS }, (_, index) =>
      client.transact({
        idempotentKey: `race-${index}`,
        userId: 'carol',
        amount: DEBIT,
        type: 'debit',
      }),
    ),
  );
  const seconds = ((Date.now() - start) / 1000).toFixed(2);
  const passed = outcomes.filter(({ status }) => status === 'fulfilled').length;
  say(`${passed} went through, ${DEBITS - passed} were refused, in ${seconds} s`);
}

/**
 * What a call is told that does not go through.
 *
 * @param {Promise<unknown>} call
 */
async function refusalOf(call) {
  try {
    await call;
  } catch (error) {
    const { code, message } = /** @type {import('..').BalanceError} */ (error);
    return `${code}: ${message}`;
  }
  throw new Error('The call should have been refused, and was not.');
}

module.exports = { refusalOf, tellStory };
