// The native core that fits: for musl or glibc by what the running program asks for, and a reason
// where Node was told to load none.

import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..');
const MEGABYTE = 2 ** 20;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  // Alone: without any native core beside it, the refusal says which one was looked for.
  copyFileSync(join(root, 'binding.js'), join(folder, 'binding.js'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A 64-bit executable that names its dynamic linker, or none, at such places in the file. */
function writeExecutable(
  name: string,
  { interpreter, at, headersAt = 64 }: { interpreter?: string; at?: number; headersAt?: number },
): string {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeBigUInt64LE(BigInt(headersAt), 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  writeSync(file, header, 0, 64, 0);
  const entry = (type: number, offset: number, length: number) => {
    const bytes = Buffer.alloc(56);
    bytes.writeUInt32LE(type, 0);
    bytes.writeBigUInt64LE(BigInt(offset), 8);
    bytes.writeBigUInt64LE(BigInt(length), 32);
    return bytes;
  };
  const loaded = 1;
  const named = 3;
  const position = at ?? 1024;
  writeSync(file, entry(loaded, 0, 4096), 0, 56, headersAt);
  if (interpreter !== undefined) {
    const bytes = Buffer.from(`${interpreter}\0`);
    writeSync(file, bytes, 0, bytes.length, position);
    writeSync(file, entry(named, position, bytes.length), 0, 56, headersAt + 56);
  }
  closeSync(file);
  return path;
}

/** What a process on Linux says whose executable is this one, and which has no native core. */
function refusal(executable: string): string {
  const program = `
    Object.defineProperty(process, 'platform', { value: 'linux' });
    process.execPath = ${JSON.stringify(executable)};
    try { require('./binding.js'); } catch ({ message }) { console.log(message); }`;
  return spawnSync(process.execPath, ['--eval', program], { cwd: folder, encoding: 'utf8' }).stdout;
}

test.each([
  ['near the start', { interpreter: '/lib/ld-musl-x86_64.so.1' }],
  ['far behind', { interpreter: '/lib/ld-musl-x86_64.so.1', at: 125 * MEGABYTE }],
  [
    'with all headers far behind',
    { interpreter: '/opt/musl/ld-musl-aarch64.so.1', at: 9000, headersAt: 64 * MEGABYTE },
  ],
])('a program whose linker for musl is named %s is one for musl', (_name, places) => {
  expect(refusal(writeExecutable('program', places))).toContain(
    `this is linux-${process.arch}-musl`,
  );
});

test('the linker for musl that was started by hand is one for musl', () => {
  expect(refusal(writeExecutable('ld-musl-x86_64.so.1', {}))).toContain(
    `this is linux-${process.arch}-musl`,
  );
});

test('a program that only mentions the linker for musl is one for glibc', () => {
  const executable = writeExecutable('program', { interpreter: '/lib64/ld-linux-x86-64.so.2' });
  const file = openSync(executable, 'r+');
  writeSync(file, '/lib/ld-musl-x86_64.so.1', 2048);
  closeSync(file);

  expect(refusal(executable)).toContain(`this is linux-${process.arch}-gnu`);
});

test.each(['missing', 'binding.js'])(
  'an executable that says nothing (%s) is one for glibc',
  (name) => {
    expect(refusal(join(folder, name))).toContain(`this is linux-${process.arch}-gnu`);
  },
);

test.each([
  ['on the command line', ['--no-addons'], ''],
  ['in NODE_OPTIONS', [], '--no-addons'],
])('--no-addons %s is named as the cause', (_name, options, NODE_OPTIONS) => {
  const program = `
    try {
      require(${JSON.stringify(root)});
    } catch ({ code, message, cause }) {
      console.log(JSON.stringify({ code, message, cause: cause.code }));
    }`;
  const { stdout } = spawnSync(process.execPath, [...options, '--eval', program], {
    env: { ...process.env, NODE_OPTIONS },
    encoding: 'utf8',
  });

  expect(JSON.parse(stdout)).toEqual({
    code: 'ADDON_UNAVAILABLE',
    message: expect.stringMatching(/no addons.*\n- Leave out --no-addons: .*NODE_OPTIONS/),
    cause: 'ERR_DLOPEN_DISABLED',
  });
});
