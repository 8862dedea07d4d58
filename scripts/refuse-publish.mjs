// `npm publish` in the repository would publish a package without its platforms.

import process from 'node:process';

process.stderr.write('The release workflow publishes the packed tarballs: see CONTRIBUTING.md.\n');
process.exitCode = 1;
