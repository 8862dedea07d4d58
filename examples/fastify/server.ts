// A service for other services: reads balances and moves money. Put authentication in front of it.

import { BalanceClient, BalanceError, type BalanceErrorCode } from 'dynamodb-balance';
import fastify, { type FastifyInstance } from 'fastify';

/** What is not listed here is ours to repair: 503 if it may pass by itself, or else 500. */
const STATUS: Partial<Record<BalanceErrorCode, number>> = {
  INVALID_USER_ID: 400,
  INVALID_IDEMPOTENT_KEY: 400,
  INVALID_AMOUNT: 400,
  INVALID_TYPE: 400,
  INSUFFICIENT_BALANCE: 402,
  IDEMPOTENT_KEY_REUSED: 409,
  AMOUNT_OUT_OF_RANGE: 422,
};

interface Movement {
  Params: { userId: string };
  Headers: { 'idempotency-key': string };
  Body: { amount: number; type: 'credit' | 'debit' };
}

const MOVEMENT = {
  headers: {
    type: 'object',
    required: ['idempotency-key'],
    properties: { 'idempotency-key': { type: 'string', minLength: 1 } },
  },
  body: {
    type: 'object',
    required: ['amount', 'type'],
    additionalProperties: false,
    properties: { amount: { type: 'number' }, type: { enum: ['credit', 'debit'] } },
  },
};

export function build(client = new BalanceClient()): FastifyInstance {
  // Without coercion: '50' is not an amount.
  const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false } } });

  app.get<Pick<Movement, 'Params'>>('/users/:userId/balance', async ({ params }) => {
    return { balance: await client.getCurrentBalance(params) };
  });

  app.post<Movement>(
    '/users/:userId/transactions',
    { schema: MOVEMENT },
    async ({ params: { userId }, headers, body: { amount, type } }) => {
      const idempotentKey = headers['idempotency-key'];
      try {
        await client.transact({ idempotentKey, userId, amount, type });
      } catch (error) {
        // This very request was carried out before: its caller gets the same answer again.
        if (!(error instanceof BalanceError) || error.code !== 'DUPLICATE_TRANSACTION') {
          throw error;
        }
      }
      return { status: 'done' };
    },
  );

  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof BalanceError)) {
      return reply.send(error);
    }
    const { code, message, retryable } = error;
    const status = STATUS[code];
    if (status !== undefined) {
      return reply.code(status).send({ code, message });
    }
    request.log.error(error);
    if (retryable) {
      // Also where the outcome is unknown: with the same key the money cannot move twice.
      const advice = 'Send the same request again, with the same key.';
      return reply.code(503).header('retry-after', '1').send({ code, message: advice });
    }
    return reply.code(500).send({ code: 'INTERNAL_ERROR' });
  });

  // Calls under way are answered before the server is closed.
  app.addHook('onClose', async () => await client.close());
  return app;
}

if (require.main === module) {
  void build().listen({ port: 3000 });
}
