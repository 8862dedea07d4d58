// What is in the packages: what a user needs, in the versions that belong together.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import {
  platformManifests,
  readManifest,
  repositoryFile,
  runProgram,
  tarball,
} from './harness/project';

const { version } = readManifest(repositoryFile('package.json'));
const staged = repositoryFile('target', 'package');

const PLATFORMS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
];

function filesIn(packageName: string): string[] {
  const listed = execFileSync('tar', ['-tzf', String(tarball(packageName))], { encoding: 'utf8' });
  return listed.trim().split('\n').sort();
}

test('the main package has the loader, the types, the command line and what a reader needs', () => {
  expect(filesIn('dynamodb-balance')).toEqual([
    'package/CHANGELOG.md',
    'package/LICENSE',
    'package/README.md',
    'package/answers.js',
    'package/binding.js',
    'package/cli/main.js',
    'package/cli/third-party-licenses.txt',
    'package/client.js',
    'package/docs/command-line.md',
    'package/docs/packaging.md',
    'package/docs/testing.md',
    'package/index.d.ts',
    'package/index.js',
    'package/package.json',
    'package/testing.d.ts',
    'package/testing.js',
  ]);
});

test('a package of a platform has its addon', () => {
  const name = `dynamodb-balance-linux-${process.arch}-gnu`;

  expect(filesIn(name)).toEqual([
    'package/LICENSE',
    'package/README.md',
    `package/dynamodb-balance.linux-${process.arch}-gnu.node`,
    'package/package.json',
  ]);
});

test('the main package asks for the packages of all platforms in exactly its own version', () => {
  expect(readManifest(join(staged, 'package.json')).optionalDependencies).toEqual(
    Object.fromEntries(PLATFORMS.map((name) => [`dynamodb-balance-${name}`, version])),
  );
});

test('all of them have that version', () => {
  const versions = platformManifests().map(({ name, version }) => [name, version]);

  expect(versions).toEqual(PLATFORMS.map((name) => [`dynamodb-balance-${name}`, version]));
});

test('each says for which system it is', () => {
  const systems = platformManifests().map(({ os = [], cpu = [], libc = [] }) =>
    [...os, ...cpu, ...libc].join(' '),
  );

  expect(systems).toEqual([
    'darwin arm64',
    'darwin x64',
    'linux arm64 glibc',
    'linux arm64 musl',
    'linux x64 glibc',
    'linux x64 musl',
    'win32 arm64',
    'win32 x64',
  ]);
});

test('all of them state the same versions of Node', () => {
  const { engines } = readManifest(repositoryFile('package.json'));

  expect(platformManifests().map((manifest) => manifest.engines)).toEqual(
    PLATFORMS.map(() => engines),
  );
});

test('it needs no other package than that of the platform', () => {
  const { dependencies, peerDependencies } = readManifest(join(staged, 'package.json'));

  expect({ dependencies, peerDependencies }).toEqual({});
});

test('publint finds nothing', async () => {
  const file = String(tarball('dynamodb-balance'));
  const publint = repositoryFile('node_modules', '.bin', 'publint');
  const { code, output } = await runProgram(staged, publint, ['run', file, '--strict']);

  expect(code).toBe(0);
  expect(output).toContain('All good!');
});

test('Are The Types Wrong? finds nothing', async () => {
  const file = String(tarball('dynamodb-balance'));
  const attw = repositoryFile('node_modules', '.bin', 'attw');
  const { code, output } = await runProgram(staged, attw, [file]);

  expect(code).toBe(0);
  expect(output).toContain('No problems found');
});
