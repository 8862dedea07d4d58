/** What both projects have in common. */
const project = {
  testEnvironment: 'node',
  transform: { '\\.ts$': ['@swc/jest'] },
  // The packages as they are packed have our name.
  modulePathIgnorePatterns: ['<rootDir>/target/'],
};

/** The promises that do not depend on where the tables are. They are kept in DynamoDB and in memory. */
const PROMISES = [
  'bad-input',
  'close',
  'create-transaction',
  'create-transactions',
  'default-balance',
  'errors',
  'exact-amounts',
  'history',
  'history-cursors',
  'holds',
  'idempotency',
  'input-objects',
  'messages',
  'open-holds',
  'races',
  'results',
];

/** Tests import the package by its name, as its users do. */
const OURS = {
  '^dynamodb-balance$': '<rootDir>',
  '^dynamodb-balance/testing$': '<rootDir>/testing.js',
};

const harness = '<rootDir>/__tests__/harness';

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      ...project,
      displayName: 'DynamoDB Local',
      testMatch: ['<rootDir>/__tests__/*.test.ts'],
      moduleNameMapper: OURS,
      globalSetup: `${harness}/global-setup.mjs`,
      globalTeardown: `${harness}/global-teardown.mjs`,
    },
    {
      ...project,
      displayName: 'in memory',
      testMatch: PROMISES.map((name) => `<rootDir>/__tests__/${name}.test.ts`),
      moduleNameMapper: {
        '^dynamodb-balance$': `${harness}/in-memory.cjs`,
        '^\\./(harness/)?tables$': `${harness}/tables-in-memory.ts`,
        '^\\./(harness/)?history-tables$': `${harness}/history-tables-in-memory.ts`,
      },
    },
    {
      ...project,
      displayName: 'examples',
      testMatch: ['<rootDir>/examples/testing/jest.test.ts'],
      moduleNameMapper: OURS,
    },
  ],
  collectCoverageFrom: [
    'index.js',
    'client.js',
    'client/*.js',
    'testing.js',
    'answers.js',
    'tracing.js',
  ],
  // Hundreds of concurrent calls on DynamoDB Local and two cores take their time.
  testTimeout: 120_000,
};
