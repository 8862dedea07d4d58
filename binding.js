// Finds the native core: the package for this platform, which npm installs as an optional dependency,
// or else the file that `npm run build` left in the repository. What users have comes first: a look-up
// that fails takes long.
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

module.exports = installed() ?? builtHere() ?? refuse();

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

// By the dynamic linker that Node's own executable asks for, or that was started by hand to run
// Node. process.report knows as well, but takes many milliseconds.
function isMusl() {
  try {
    const file = openSync(execPath, 'r');
    try {
      return (interpreterOf(file) || execPath).includes('/ld-musl-');
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

// Where it is named can be anywhere in the file: the program headers say. Only 64-bit executables
// in little-endian order matter here; the numbers are from the System V ABI, "Program Loading".
function interpreterOf(file) {
  // Mostly all of it is here.
  const beginning = readAt(file, 0, 4096);
  const bytesAt = (position, length) =>
    position + length <= beginning.length
      ? beginning.subarray(position, position + length)
      : readAt(file, position, length);
  const start = Number(beginning.readBigUInt64LE(32));
  const entrySize = beginning.readUInt16LE(54);
  const count = beginning.readUInt16LE(56);
  for (let index = 0; index < count; index += 1) {
    const entry = bytesAt(start + index * entrySize, 56);
    const isInterpreter = entry.readUInt32LE(0) === 3;
    if (isInterpreter) {
      const length = Math.min(Number(entry.readBigUInt64LE(32)), 4096);
      return bytesAt(Number(entry.readBigUInt64LE(8)), length).toString('latin1');
    }
  }
  return '';
}

function readAt(file, position, length) {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  return bytes;
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
    if (!isMissing(error)) {
      throw notLoadable(error);
    }
  }
  return undefined;
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

function refuse() {
  if (PLATFORMS.includes(HERE)) {
    throw notInstalled();
  }
  throw unavailable(`there is none for ${HERE}.`, [
    `There is one for ${PLATFORMS.join(', ')}: run it on one of these.`,
  ]);
}

// In an executable that `bun build --compile` made, the error has no code.
function isMissing(error) {
  return error?.code === 'MODULE_NOT_FOUND' || error?.message?.startsWith('Cannot require module');
}

function notLoadable(cause) {
  if (cause?.code === 'ERR_DLOPEN_DISABLED') {
    return unavailable(
      `Node was told to load no addons: ${cause.message}`,
      [
        'Leave out --no-addons: on the command line, in NODE_OPTIONS, and in the execArgv of a Worker.',
        'With --permission, add --allow-addons.',
      ],
      cause,
    );
  }
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
