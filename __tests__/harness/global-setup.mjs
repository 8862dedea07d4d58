// Starts DynamoDB Local once for all test files, or uses the endpoint that the environment gives
// (for those who run it in a container), and makes the tables.

import { createRequire } from 'node:module';
import process from 'node:process';

import { ENVIRONMENT, startDynamoDbLocal } from '../../scripts/dynamodb-local.mjs';

const require = createRequire(import.meta.url);

export default async function setUp() {
  if (process.env.AWS_ENDPOINT_URL_DYNAMODB === undefined) {
    const local = await startDynamoDbLocal();
    Object.assign(process.env, ENVIRONMENT, { AWS_ENDPOINT_URL_DYNAMODB: local.endpoint });
    Object.assign(globalThis, { stopDynamoDbLocal: local.stop });
  }
  // The tests' own use of the AWS SDK for JavaScript need not advertise newer Node versions.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const { BalanceClient } = require('../..');
  await new BalanceClient().createTables();
}
