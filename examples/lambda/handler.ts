// POST /purchases behind an HTTP API with a JWT authorizer: debits whoever is signed in, once per
// Idempotency-Key header. Give the function 30 seconds: a call gives up after 25.

import type {
  APIGatewayProxyEventV2WithJWTAuthorizer,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda';
import { BalanceError, transact } from 'dynamodb-balance';

export async function handler(
  event: APIGatewayProxyEventV2WithJWTAuthorizer,
): Promise<APIGatewayProxyStructuredResultV2> {
  const userId = String(event.requestContext.authorizer.jwt.claims['sub']);
  // API Gateway writes the names of headers in lower case.
  const header = event.headers['idempotency-key'];
  if (header === undefined || header === '') {
    return answer(400, { message: 'The header Idempotency-Key is required.' });
  }
  const amount = readAmount(event);
  if (amount === undefined) {
    return answer(400, { message: 'The body must be JSON such as {"amount": 12.5}.' });
  }
  try {
    // Keys are one name space: with the user in front, nobody can use up somebody else's.
    const idempotentKey = `${userId}/${header}`;
    await transact({ idempotentKey, userId, amount, type: 'debit' });
    return answer(200, { status: 'done' });
  } catch (error) {
    return explain(error);
  }
}

function readAmount({ body = '', isBase64Encoded }: APIGatewayProxyEventV2WithJWTAuthorizer) {
  try {
    const text = isBase64Encoded ? Buffer.from(body, 'base64').toString() : body;
    const { amount } = JSON.parse(text);
    return typeof amount === 'number' ? amount : undefined;
  } catch {
    return undefined;
  }
}

function explain(error: unknown): APIGatewayProxyStructuredResultV2 {
  if (!(error instanceof BalanceError)) {
    throw error;
  }
  const { code, message, retryable } = error;
  switch (code) {
    case 'DUPLICATE_TRANSACTION':
      // This very request was carried out before: its caller gets the same answer again.
      return answer(200, { status: 'done' });
    case 'INVALID_AMOUNT':
    case 'INVALID_IDEMPOTENT_KEY':
      return answer(400, { code, message });
    case 'INSUFFICIENT_BALANCE':
      return answer(402, { code, message });
    case 'IDEMPOTENT_KEY_REUSED':
      return answer(409, { code, message: 'This key was used for another purchase.' });
    case 'AMOUNT_OUT_OF_RANGE':
      return answer(422, { code, message });
  }
  // For us and not for the caller: tables, permissions, credentials.
  process.stderr.write(`${code}: ${message}\n`);
  if (retryable) {
    // Also where the outcome is unknown: with the same key the money cannot move twice.
    const advice = { code, message: 'Send the same request again, with the same key.' };
    return answer(503, advice, { 'retry-after': '1' });
  }
  return answer(500, { code: 'INTERNAL_ERROR' });
}

function answer(
  statusCode: number,
  body: object,
  headers: Record<string, string> = {},
): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
