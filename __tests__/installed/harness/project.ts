// A user's project: a fresh folder outside the repository, into which the packed packages are
// installed with npm.

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(__dirname, '..', '..', '..');
const folders = join(root, 'target', 'npm');

export interface Ending {
  code: number;
  output: string;
  complaints: string;
}

export interface Project {
  folder: string;
  /** Runs a command in the project to its end, however it ends. */
  run: (command: string, ...commandArguments: string[]) => Promise<Ending>;
}

/** A file of the repository. */
export function repositoryFile(...path: string[]): string {
  return join(root, ...path);
}

/** A tarball of a package, or undefined if its platform was not built. */
export function tarball(packageName: string): string | undefined {
  const { version } = readManifest(join(root, 'package.json'));
  const file = join(root, 'target', 'tarballs', `${packageName}-${version}.tgz`);
  return existsSync(file) ? file : undefined;
}

/** A package.json, of which the tests look at a few fields. */
export interface Manifest {
  name: string;
  version: string;
  engines: { node: string };
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

/** The manifests of the packages of all platforms. */
export function platformManifests(): Manifest[] {
  return readdirSync(folders).map((name) => readManifest(join(folders, name, 'package.json')));
}

/**
 * Makes a project of `projects/<fixture>` and all `programs`, and installs what its package.json
 * names, and the packed packages.
 */
export async function makeProject(fixture: string, npmOptions: string[] = []): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'dynamodb-balance-'));
  made.push(folder);
  for (const files of ['programs', join('projects', fixture)]) {
    cpSync(join(__dirname, '..', files), folder, { recursive: true });
  }
  const manifestFile = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
  manifest.dependencies = {
    ...manifest.dependencies,
    'dynamodb-balance': `file:${tarball('dynamodb-balance')}`,
  };
  manifest.overrides = ourPlatforms();
  writeFileSync(manifestFile, JSON.stringify(manifest, null, 2));
  const run: Project['run'] = (command, ...rest) => runProgram(folder, command, rest);
  const install = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...npmOptions];
  const { code, complaints } = await run('npm', ...install);
  if (code !== 0) {
    throw new Error(`npm install failed in ${folder}:\n${complaints}`);
  }
  return { folder, run };
}

/** Where npm finds the packages of the platforms, which no registry has yet. */
function ourPlatforms(): Record<string, string> {
  return Object.fromEntries(
    platformManifests().map(({ name }) => {
      // The folder of a platform that was not built has a manifest: npm sees that it does not fit.
      const folder = join(folders, name.slice('dynamodb-balance-'.length));
      return [name, `file:${tarball(name) ?? folder}`];
    }),
  );
}

const made: string[] = [];

afterAll(() => {
  for (const folder of made.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Runs a program to its end, without Rust on the path. */
export function runProgram(
  folder: string,
  command: string,
  commandArguments: string[],
): Promise<Ending> {
  const options = {
    cwd: folder,
    env: environment(folder),
    timeout: 240_000,
    // npm and what it installs are shell scripts there.
    shell: process.platform === 'win32',
  };
  return new Promise((resolve) => {
    execFile(command, commandArguments, options, (error, output, complaints) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output, complaints: complaints || (error?.message ?? '') });
    });
  });
}

function environment(project: string): NodeJS.ProcessEnv {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const path = [
    join(project, 'node_modules', '.bin'),
    ...folders.filter((folder) => !existsSync(join(folder, 'cargo'))),
  ];
  // What npm and Jest tell their own programs is none of a user's project's business.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|JEST_|NODE_ENV$|NODE_OPTIONS$)/i.test(name),
  );
  return { ...Object.fromEntries(inherited), PATH: path.join(delimiter), NO_COLOR: '1' };
}
