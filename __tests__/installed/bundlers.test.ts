// Bundled applications. An addon is a file that must be next to the bundle or in node_modules.

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, type Project } from './harness/project';

const TOLD = { code: 0, output: '69.9 INSUFFICIENT_BALANCE true\n', complaints: '' };

let project: Project;

beforeAll(async () => {
  project = await makeProject('bundlers');
});

function esbuild(...options: string[]) {
  const build = ['story.cjs', '--bundle', '--platform=node', '--log-level=warning'];
  return project.run('esbuild', ...build, ...options);
}

test('esbuild bundles an application with the package external', async () => {
  const built = await esbuild('--external:dynamodb-balance', '--outfile=dist/esbuild.cjs');

  expect(built).toEqual({ code: 0, output: '', complaints: '' });
  await expect(project.run('node', 'dist/esbuild.cjs')).resolves.toEqual(TOLD);
});

test('esbuild can copy the addon next to the bundle', async () => {
  const built = await esbuild('--loader:.node=copy', '--outdir=dist/copied');

  expect(built).toEqual({ code: 0, output: '', complaints: '' });
  await expect(project.run('node', 'dist/copied/story.js')).resolves.toEqual(TOLD);
});

test.each([
  ['external', '--external:dynamodb-balance'],
  ['copied next to the bundle', '--loader:.node=copy'],
])(
  'esbuild makes an ES module with a createRequire banner, the addon %s',
  async (_name, option) => {
    const built = await esbuild(
      ...['--format=esm', option, '--outdir=dist/module', '--out-extension:.js=.mjs'],
      "--banner:js=import { createRequire } from 'module';const require = createRequire(import.meta.url);",
    );

    expect(built).toEqual({ code: 0, output: '', complaints: '' });
    await expect(project.run('node', 'dist/module/story.mjs')).resolves.toEqual(TOLD);
  },
);

test('esbuild without either names the addon that it cannot bundle', async () => {
  const built = await esbuild('--outfile=dist/internal.cjs');

  expect(built.code).toBe(1);
  expect(built.complaints).toContain('No loader is configured for ".node" files');
  expect(built.complaints).toContain('dynamodb-balance.linux-');
});

test('webpack bundles an application with the package external', async () => {
  const built = await project.run('node', 'webpack.cjs', 'dynamodb-balance');

  expect(built).toMatchObject({ code: 0, complaints: '' });
  await expect(project.run('node', 'dist/webpack.cjs')).resolves.toEqual(TOLD);
});

test('webpack without it names the addon that it cannot bundle', async () => {
  const built = await project.run('node', 'webpack.cjs');

  expect(built.code).toBe(1);
  expect(built.output).toMatch(/dynamodb-balance\.linux-.*\.node/);
  expect(built.output).toContain('Module parse failed');
});

test.each(['esbuild', 'webpack'])(
  'a bundle of %s made without the addon says at run time what to do',
  async (bundler) => {
    const own = join(project.folder, 'node_modules', `dynamodb-balance-linux-${process.arch}-gnu`);
    const aside = join(project.folder, 'aside');
    mkdirSync(aside, { recursive: true });
    renameSync(own, join(aside, 'addon'));
    try {
      await (bundler === 'esbuild'
        ? esbuild('--outfile=dist/esbuild.cjs')
        : project.run('node', 'webpack.cjs'));

      expect(existsSync(join(project.folder, 'dist', `${bundler}.cjs`))).toBe(true);
      const ending = await project.run('node', `dist/${bundler}.cjs`);
      expect(ending.code).toBe(1);
      expect(ending.complaints).toContain(
        'If the code was bundled: mark dynamodb-balance as external',
      );
    } finally {
      renameSync(join(aside, 'addon'), own);
    }
  },
);
