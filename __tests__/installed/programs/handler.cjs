// A Lambda function: debits a user, and tells API Gateway how it went.

const { BalanceError, getCurrentBalance, transact } = require('dynamodb-balance');

exports.handler = async ({ userId, idempotentKey, amount }) => {
  try {
    await transact({ idempotentKey, userId, amount, type: 'debit' });
    return { statusCode: 200, body: JSON.stringify(await getCurrentBalance({ userId })) };
  } catch (error) {
    if (error instanceof BalanceError && error.code === 'INSUFFICIENT_BALANCE') {
      return { statusCode: 402, body: error.code };
    }
    throw error;
  }
};
