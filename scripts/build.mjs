// npm run build

import { buildAddon, installPackages } from './setup.mjs';
import { requireTools } from './toolchain.mjs';

requireTools(['node', 'rust']);
installPackages();
buildAddon();
