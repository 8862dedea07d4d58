// Jest's --detectOpenHandles names what keeps a process alive, or might: nothing of a closed client.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..');

/** What Jest prints about an application's tests. */
function runJest(closesItsClient: string): string {
  const config = {
    rootDir: root,
    testEnvironment: 'node',
    testMatch: ['<rootDir>/__tests__/citizen/open-handles.cjs'],
    moduleNameMapper: { '^dynamodb-balance$': '<rootDir>' },
    modulePathIgnorePatterns: ['<rootDir>/target/'],
  };
  const { stderr } = spawnSync(
    process.execPath,
    [require.resolve('jest/bin/jest'), '--detectOpenHandles', '--config', JSON.stringify(config)],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CLOSES_ITS_CLIENT: closesItsClient },
      timeout: 60_000,
    },
  );
  return stderr;
}

test('a client that was closed is not named', () => {
  const printed = runJest('yes');

  expect(printed).toContain('1 passed');
  expect(printed).not.toContain('open handle');
});

test('one that was not closed is, with the line that made it', () => {
  const printed = runJest('no');

  expect(printed).toContain('1 open handle');
  expect(printed).toContain('open-handles.cjs:7');
});
