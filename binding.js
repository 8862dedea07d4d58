// Finds the native core: the file that `npm run build` left in the repository, or else the package
// for this platform, which npm installs as an optional dependency.
//
// All names are written out, so that bundlers, tracers and `bun build --compile` see them, and
// within a `try`, so that they pass over those that are not there.

// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:fs.
const { closeSync, openSync, readdirSync, readSync } = require('fs');

const { arch, execPath, platform } = process;

const PLATFORMS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
];

const HERE = platformName();

module.exports = builtHere() ?? installed();

function platformName() {
  switch (platform) {
    case 'linux':
      return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`;
    case 'win32':
      return `win32-${arch}-msvc`;
    default:
      return `${platform}-${arch}`;
  }
}

// The path of the dynamic linker stands near the start of an executable, such as Node's own.
// process.report knows as well, but takes many milliseconds.
function isMusl() {
  try {
    const start = Buffer.alloc(4096);
    const file = openSync(execPath, 'r');
    readSync(file, start, 0, start.length, 0);
    closeSync(file);
    return start.includes('/ld-musl-');
  } catch {
    return false;
  }
}

function builtHere() {
  try {
    switch (HERE) {
      case 'darwin-arm64':
        return require('./dynamodb-balance.darwin-arm64.node');
      case 'darwin-x64':
        return require('./dynamodb-balance.darwin-x64.node');
      case 'linux-arm64-gnu':
        return require('./dynamodb-balance.linux-arm64-gnu.node');
      case 'linux-arm64-musl':
        return require('./dynamodb-balance.linux-arm64-musl.node');
      case 'linux-x64-gnu':
        return require('./dynamodb-balance.linux-x64-gnu.node');
      case 'linux-x64-musl':
        return require('./dynamodb-balance.linux-x64-musl.node');
      case 'win32-arm64-msvc':
        return require('./dynamodb-balance.win32-arm64-msvc.node');
      case 'win32-x64-msvc':
        return require('./dynamodb-balance.win32-x64-msvc.node');
    }
  } catch (error) {
    if (!isMissing(error)) {
      throw notLoadable(error);
    }
  }
  return undefined;
}

function installed() {
  try {
    switch (HERE) {
      case 'darwin-arm64':
        return require('dynamodb-balance-darwin-arm64');
      case 'darwin-x64':
        return require('dynamodb-balance-darwin-x64');
      case 'linux-arm64-gnu':
        return require('dynamodb-balance-linux-arm64-gnu');
      case 'linux-arm64-musl':
        return require('dynamodb-balance-linux-arm64-musl');
      case 'linux-x64-gnu':
        return require('dynamodb-balance-linux-x64-gnu');
      case 'linux-x64-musl':
        return require('dynamodb-balance-linux-x64-musl');
      case 'win32-arm64-msvc':
        return require('dynamodb-balance-win32-arm64-msvc');
      case 'win32-x64-msvc':
        return require('dynamodb-balance-win32-x64-msvc');
    }
  } catch (error) {
    throw isMissing(error) ? notInstalled() : notLoadable(error);
  }
  throw unavailable(`there is none for ${HERE}.`, [
    `There is one for ${PLATFORMS.join(', ')}: run it on one of these.`,
  ]);
}

function isMissing(error) {
  return error?.code === 'MODULE_NOT_FOUND';
}

function notLoadable(cause) {
  return unavailable(
    `the one for ${HERE} is there but cannot be loaded: ${cause?.message}`,
    [
      'Install it again: the file may be damaged, or made for another system.',
      'On Linux it needs glibc 2.17 or newer, or musl.',
    ],
    cause,
  );
}

function notInstalled() {
  const there = installedPlatforms().join(', ') || 'none';
  return unavailable(
    `this is ${HERE}, and dynamodb-balance-${HERE} is missing or incomplete (installed: ${there}).`,
    [
      'If optional dependencies were left out: npm install --include=optional; if that does not ' +
        'help, remove node_modules and package-lock.json first.',
      `If node_modules comes from another platform: install it here, or for here with ${forHere()}.`,
      'If the code was bundled: mark dynamodb-balance as external, and deploy it in node_modules.',
      `Supported are ${PLATFORMS.join(', ')}.`,
    ],
  );
}

function forHere() {
  const libc = platform === 'linux' ? ` --libc=${HERE.endsWith('-musl') ? 'musl' : 'glibc'}` : '';
  return `npm install --os=${platform} --cpu=${arch}${libc}`;
}

function installedPlatforms() {
  try {
    return readdirSync(`${__dirname}/..`).filter((name) => name.startsWith('dynamodb-balance-'));
  } catch {
    return [];
  }
}

function unavailable(reason, advice, cause) {
  const lines = [`dynamodb-balance has no native core to run: ${reason}`, ...advice];
  const error = new Error(lines.join('\n- '));
  error.code = 'ADDON_UNAVAILABLE';
  if (cause !== undefined) {
    error.cause = cause;
  }
  return error;
}
