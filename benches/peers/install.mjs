// This package as users have it: packed, which bundles it, and with the package of this platform beside it.
// Takes the addon that `npm run build` has built.

import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { mainFolder, packAll, platformFolders } from '../../scripts/pack.mjs';
import { allPlatforms } from '../../scripts/platforms.mjs';
import { root } from '../../scripts/setup.mjs';

const installed = join(root, 'benches', 'node_modules');

export async function installPackage() {
  await packAll({ addons: root });
  rmSync(installed, { recursive: true, force: true });
  cpSync(mainFolder, join(installed, 'dynamodb-balance'), { recursive: true });
  for (const { name, packageName, file } of await allPlatforms()) {
    if (existsSync(join(root, file))) {
      cpSync(join(platformFolders, name), join(installed, packageName), { recursive: true });
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await installPackage();
}
