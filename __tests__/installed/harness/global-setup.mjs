// Starts DynamoDB Local with both tables. They are made with the AWS SDK: the repository's own addon
// need not be there when packed ones are tested.

import process from 'node:process';

import { ENVIRONMENT, startDynamoDbLocal } from '../../../scripts/dynamodb-local.mjs';

const KEYS = { UserBalances: 'userId', Transactions: 'idempotentKey' };

export default async function setUp() {
  const local = await startDynamoDbLocal();
  Object.assign(globalThis, { stopDynamoDbLocal: local.stop });
  Object.assign(process.env, ENVIRONMENT, { AWS_ENDPOINT_URL_DYNAMODB: local.endpoint });
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { CreateTableCommand, DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
  const client = new DynamoDBClient({});
  for (const [table, key] of Object.entries(KEYS)) {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
  }
  client.destroy();
}
