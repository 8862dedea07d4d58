// Finds a missing or outdated tool before anything fails half-way, and says how to install it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** The first with `crc32` in `node:zlib`, which stand-ins for DynamoDB need. */
const NODE_MINIMUM = { major: 20, minor: 15 };
const JAVA_MAJOR = 17;

/** The oldest Rust that compiles the dependencies, as Cargo.toml states it. */
function rustMinimum() {
  const manifest = readFileSync(new URL('../Cargo.toml', import.meta.url), 'utf8');
  const match = /^rust-version = "(\d+)\.(\d+)/m.exec(manifest);
  if (match === null) {
    throw new Error('Cargo.toml has no rust-version');
  }
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** @typedef {'node' | 'rust' | 'java'} Tool */

/**
 * Everything that is wrong with the tools, a complaint each.
 *
 * @param {Tool[]} names of the tools that are needed
 */
function complaints(names) {
  const checks = { node: checkNode, rust: checkRust, java: checkJava };
  return names.map((name) => checks[name]()).filter((complaint) => complaint !== undefined);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew =
    major > NODE_MINIMUM.major || (major === NODE_MINIMUM.major && minor >= NODE_MINIMUM.minor);
  const needed = `Node ${NODE_MINIMUM.major}.${NODE_MINIMUM.minor} or newer`;
  return isNew
    ? undefined
    : complaint(needed, `Node ${process.versions.node}`, {
        linux: 'see https://nodejs.org/en/download, or: nvm install --lts',
        darwin: 'brew install node',
        win32: 'winget install OpenJS.NodeJS.LTS',
      });
}

function checkRust() {
  const minimum = rustMinimum();
  const version = /^cargo (\d+)\.(\d+)\.(\d+)/m.exec(output('cargo', ['--version']) ?? '');
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
  if (major > minimum.major || (major === minimum.major && minor >= minimum.minor)) {
    return undefined;
  }
  const rustup = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
  const install = version === null ? rustup : 'rustup update stable';
  return complaint(
    `Rust ${minimum.major}.${minimum.minor} or newer`,
    version === null ? 'none' : `Rust ${version.slice(1).join('.')}`,
    {
      linux: install,
      darwin: install,
      win32: version === null ? 'winget install Rustlang.Rustup' : install,
    },
  );
}

function checkJava() {
  // "openjdk version "17.0.15" …", and "1.8.0_…" for Java 8.
  const version = /version "(?:1\.)?(\d+)/.exec(output('java', ['-version']) ?? '');
  return version !== null && Number(version[1]) >= JAVA_MAJOR
    ? undefined
    : complaint(
        `Java ${JAVA_MAJOR} or newer (for DynamoDB Local)`,
        version === null ? 'none' : `Java ${version[1]}`,
        {
          linux: 'sudo apt-get install -y openjdk-17-jre-headless',
          darwin: 'brew install openjdk@17',
          win32: 'winget install Microsoft.OpenJDK.17',
        },
      );
}

/**
 * @param {string} needed
 * @param {string} found
 * @param {Record<string, string>} install the command for each platform
 */
function complaint(needed, found, install) {
  return `  ${needed} is needed, found ${found}.\n    ${install[process.platform] ?? install['linux']}`;
}

/**
 * @param {string} command
 * @param {string[]} commandArguments
 */
function output(command, commandArguments) {
  const child = spawnSync(command, commandArguments, { encoding: 'utf8' });
  return child.error === undefined ? child.stdout + child.stderr : undefined;
}

/**
 * Ends the process with one message if a tool is missing.
 *
 * @param {Tool[]} names of the tools that are needed
 */
export function requireTools(names) {
  const wrong = complaints(names);
  if (wrong.length > 0) {
    process.stderr.write(
      `Some tools are missing. Install them and try again:\n\n${wrong.join('\n')}\n`,
    );
    process.exit(1);
  }
}
