// Where the native core cannot be loaded, one message says which platform this is, which are there,
// and what to do.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, type Project } from './harness/project';

const SUPPORTED =
  'darwin-arm64, darwin-x64, linux-arm64-gnu, linux-arm64-musl, linux-x64-gnu, linux-x64-musl, ' +
  'win32-arm64-msvc, win32-x64-msvc';
const here = `linux-${process.arch}-gnu`;

let project: Project;
let ownPackage: string;

beforeEach(async () => {
  project = await makeProject('plain');
  ownPackage = join(project.folder, 'node_modules', `dynamodb-balance-${here}`);
});

/** What requiring the package throws, after `before` was run in the same process. */
async function refusal(
  before = '',
  ...options: string[]
): Promise<{ code: string; lines: string[]; cause: boolean }> {
  const program = `${before}
    try {
      require('dynamodb-balance');
    } catch ({ code, message, cause }) {
      console.log(JSON.stringify({ code, lines: message.split('\\n'), cause: cause !== undefined }));
    }`;
  return JSON.parse((await project.run('node', ...options, '--eval', program)).output);
}

test('optional dependencies were left out', async () => {
  rmSync(ownPackage, { recursive: true });

  await expect(refusal()).resolves.toEqual({
    code: 'ADDON_UNAVAILABLE',
    cause: false,
    lines: [
      `dynamodb-balance has no native core to run: this is ${here}, and dynamodb-balance-${here} is missing or incomplete (installed: none).`,
      '- If optional dependencies were left out: npm install --include=optional; if that does not help, remove node_modules and package-lock.json first.',
      `- If node_modules comes from another platform: install it here, or for here with npm install --os=linux --cpu=${process.arch} --libc=glibc.`,
      '- If the code was bundled: mark dynamodb-balance as external, and deploy it in node_modules.',
      `- Supported are ${SUPPORTED}.`,
    ],
  });
});

test('node_modules comes from another platform', async () => {
  renameSync(ownPackage, join(ownPackage, '..', 'dynamodb-balance-darwin-arm64'));

  const { code, lines } = await refusal();

  expect(code).toBe('ADDON_UNAVAILABLE');
  expect(lines[0]).toMatch(/\(installed: dynamodb-balance-darwin-arm64\)\.$/);
});

test('there is no package for the platform', async () => {
  await expect(
    refusal(`Object.defineProperty(process, 'platform', { value: 'sunos' });`),
  ).resolves.toEqual({
    code: 'ADDON_UNAVAILABLE',
    cause: false,
    lines: [
      `dynamodb-balance has no native core to run: there is none for sunos-${process.arch}.`,
      `- There is one for ${SUPPORTED}: run it on one of these.`,
    ],
  });
});

test('the file is damaged', async () => {
  writeFileSync(join(ownPackage, `dynamodb-balance.${here}.node`), 'not an addon');

  const { code, lines, cause } = await refusal();

  expect({ code, cause }).toEqual({ code: 'ADDON_UNAVAILABLE', cause: true });
  expect(lines[0]).toContain(`the one for ${here} is there but cannot be loaded: `);
  expect(lines[1]).toContain('Install it again');
});

test('Node was told to load no addons', async () => {
  const { code, lines, cause } = await refusal('', '--no-addons');

  expect({ code, cause }).toEqual({ code: 'ADDON_UNAVAILABLE', cause: true });
  expect(lines[1]).toContain('Leave out --no-addons');
});
