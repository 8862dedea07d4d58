// Moves money for messages such as {"userId": "alice", "amount": 12.5, "type": "credit"}, exactly
// once for each message, however often SQS delivers it. The event source mapping needs
// ReportBatchItemFailures, and the queue a dead-letter queue and a visibility timeout of at least
// six times the function's timeout.

import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { BalanceError, transact } from 'dynamodb-balance';

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const outcomes = await Promise.allSettled(event.Records.map(apply));
  // Whatever failed is delivered again, and in the end goes to the dead-letter queue: no message
  // is lost, and none of the others is held up.
  const failed = event.Records.filter((_, index) => outcomes[index]?.status === 'rejected');
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

async function apply({ messageId, body }: SQSRecord): Promise<void> {
  try {
    // The package checks each field, and refuses what is missing or has another type.
    const { userId, amount, type } = JSON.parse(body);
    // A message keeps its identifier when it is delivered again. A producer that sends twice makes
    // two messages: where that can happen, let it put a key of its own into the body.
    await transact({ idempotentKey: `sqs/${messageId}`, userId, amount, type });
  } catch (error) {
    // This very message was applied before.
    if (error instanceof BalanceError && error.code === 'DUPLICATE_TRANSACTION') {
      return;
    }
    process.stderr.write(`Message ${messageId} failed: ${error}\n`);
    throw error;
  }
}
