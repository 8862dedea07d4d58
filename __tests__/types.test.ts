// The TypeScript interface is exactly the one of the implementation that this package replaces,
// whichever way a project resolves its modules.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(__dirname, '..');

/** What the compiler complains of, in strict mode and with every declaration checked. */
async function compile(
  module: string,
  moduleResolution: string,
  folder = 'types',
): Promise<string> {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const project = ['--project', join(__dirname, folder)];
  const modules = ['--module', module, '--moduleResolution', moduleResolution];
  try {
    await run(tsc, [...project, ...modules], { cwd: root });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe.each([
  ['nodenext', 'nodenext'],
  ['node16', 'node16'],
  ['esnext', 'bundler'],
])('with module %s and moduleResolution %s', (module, moduleResolution) => {
  let complaints: string[];

  beforeAll(async () => {
    complaints = (await compile(module, moduleResolution)).split('\n').filter(Boolean);
  });

  test('the call sites and signatures of the old implementation compile', () => {
    expect(complaints.filter((complaint) => !complaint.includes('refused.ts'))).toEqual([]);
  });

  test('wrong call sites do not', () => {
    expect(complaints.filter((complaint) => complaint.includes('refused.ts'))).toEqual([]);
  });

  test('await using compiles where TypeScript knows Symbol.asyncDispose', async () => {
    await expect(compile(module, moduleResolution, 'types/disposable')).resolves.toBe('');
  });
});
