// A process without descriptors or threads is told that nothing happened, goes on living, and is
// served once it has some again.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { startStandIn } from './citizen/start-stand-in.cjs';

const PROGRAM = join(__dirname, 'citizen', 'scarce-resources.cjs');

let standIn: Awaited<ReturnType<typeof startStandIn>>;

beforeAll(async () => {
  standIn = await startStandIn();
});

afterAll(() => standIn.stop());

/** Runs the program under a limit, and returns what it said of its calls. */
function run(limit: string[], when: string): unknown {
  const [command = '', ...rest] = [...limit, process.execPath, PROGRAM, standIn.endpoint, when];
  const { status, signal, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

const testOnLinux = process.platform === 'linux' ? test : test.skip;
/** Root has no limit of threads, and only root can become somebody else. */
const testAsRoot = process.platform === 'linux' && process.getuid?.() === 0 ? test : test.skip;

const FEW_DESCRIPTORS = ['prlimit', '--nofile=64'];
const SOMEBODY = ['setpriv', '--reuid=48213', '--clear-groups', '--inh-caps=-all'];

testOnLinux.each(['before the client is made', 'after the client is made'])(
  'no descriptors: %s',
  (when) => {
    expect(run(FEW_DESCRIPTORS, when)).toEqual(['NOTHING_HAPPENED', 100]);
  },
);

testAsRoot('no threads', () => {
  expect(run(SOMEBODY, 'without threads')).toEqual(['NOTHING_HAPPENED', 'NOTHING_HAPPENED']);
});
