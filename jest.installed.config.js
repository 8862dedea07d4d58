// The tests of the packed packages, installed as a user would.

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/__tests__/{installed,runtimes,musl,arm64,windows,containers,platform}/*.test.ts',
  ],
  transform: { '\\.ts$': ['@swc/jest'] },
  // Projects bring packages of their own, some with the name of ours.
  modulePathIgnorePatterns: ['<rootDir>/target/'],
  globalSetup: '<rootDir>/__tests__/installed/harness/global-setup.mjs',
  globalTeardown: '<rootDir>/__tests__/harness/global-teardown.mjs',
  // Installing compilers and runtimes takes its time.
  testTimeout: 300_000,
  maxWorkers: 1,
};
