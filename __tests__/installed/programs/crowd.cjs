// 500 calls at once, of ten users: each takes effect once, and none gets lost.

const { getCurrentBalance, transact } = require('dynamodb-balance');

async function gatherCrowd() {
  const started = Date.now();
  const users = numbers(10).map((number) => `user-${process.pid}-${started}-${number}`);
  const calls = users.flatMap((userId) =>
    numbers(50).map((number) =>
      transact({ idempotentKey: `${userId}-${number}`, userId, amount: 0.1, type: 'credit' }),
    ),
  );
  await Promise.all(calls);
  const took = Date.now() - started;
  const balances = await Promise.all(users.map((userId) => getCurrentBalance({ userId })));
  process.stdout.write(
    `${calls.length} transactions in ${took} ms, balances ${balances.join(' ')}\n`,
  );
}

function numbers(length) {
  return Array.from({ length }, (_, number) => number);
}

void gatherCrowd();
