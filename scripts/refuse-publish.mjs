// `npm publish` in the repository would publish a package without its platforms.

import process from 'node:process';

process.stderr.write(
  'The packed tarballs are published, by the release workflow: see docs/packaging.md.\n',
);
process.exitCode = 1;
