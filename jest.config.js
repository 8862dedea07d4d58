/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__tests__/*.test.ts'],
  transform: { '\\.ts$': ['@swc/jest'] },
  // Tests import the package by its name, as its users do.
  moduleNameMapper: { '^dynamodb-balance$': '<rootDir>' },
  globalSetup: '<rootDir>/__tests__/harness/global-setup.mjs',
  globalTeardown: '<rootDir>/__tests__/harness/global-teardown.mjs',
  collectCoverageFrom: ['index.js', 'tracing.js'],
  // Hundreds of concurrent calls on DynamoDB Local and two cores take their time.
  testTimeout: 120_000,
  // The packages as they are packed have our name.
  modulePathIgnorePatterns: ['<rootDir>/target/'],
};
