// A network of its own: two namespaces with a wire between them that can be cut, so that packets
// vanish as they do behind a broken router. Linux only, as root, with iproute2.

const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const process = require('node:process');

/** Addresses of the namespaces alone: TEST-NET-1 of RFC 5737, which no network has. */
const SERVER = '192.0.2.1';
const CALLER = '192.0.2.2';
/** Nobody is there, and nothing says so. Closer to the caller's, so that the system names it first. */
const DEAD = '192.0.2.3';
/** Has the dead address and the server's, in this order. */
const NAME_OF_BOTH = 'two-addresses.test';
const PORT = 8000;

/** Where frames go to: to the other end of the wire, or to nobody. */
const SERVER_LINK = '02:00:00:00:00:01';
const CALLER_LINK = '02:00:00:00:00:02';
const NOBODY = '02:00:00:00:00:03';

let opened = 0;

/**
 * Why there can be no such network here; `undefined` if there can.
 *
 * @returns {string | undefined}
 */
function whyNoNamespaces() {
  if (process.platform !== 'linux') {
    return 'network namespaces are a part of Linux';
  }
  if (process.getuid?.() !== 0) {
    return 'network namespaces need root';
  }
  const name = nameOf('probe');
  try {
    ip('netns', 'add', name);
    ip('netns', 'exec', name, process.execPath, '--version');
    ip('-n', name, 'link', 'add', 'probe', 'type', 'veth', 'peer', 'name', 'probe-peer');
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made: ${error instanceof Error ? error.message : error}`;
  } finally {
    drop(name);
  }
}

/**
 * @param {string} socketPath the Unix socket of whoever answers behind the wire
 */
async function openNetwork(socketPath) {
  opened += 1;
  const server = nameOf(`s${opened}`);
  const caller = nameOf(`c${opened}`);
  /** @type {import('node:child_process').ChildProcess[]} */
  const programs = [];

  const close = () => {
    process.off('exit', close);
    for (const program of programs) {
      program.kill('SIGKILL');
    }
    drop(caller);
    drop(server);
    rmSync(settingsOf(caller), { recursive: true, force: true });
  };
  process.once('exit', close);

  /**
   * Starts a program of Node inside of a namespace, with a channel to speak through.
   *
   * @param {string} namespace
   * @param {string} path
   * @param {string[]} programArguments
   */
  const start = (namespace, path, ...programArguments) => {
    const program = spawn(
      'ip',
      ['netns', 'exec', namespace, process.execPath, path, ...programArguments],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    programs.push(program);
    return program;
  };

  try {
    for (const namespace of [server, caller]) {
      ip('netns', 'add', namespace);
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
    ip(
      '-n',
      server,
      'link',
      'add',
      'wire',
      'type',
      'veth',
      'peer',
      'name',
      'wire',
      'netns',
      caller,
    );
    for (const [namespace, address, link] of /** @type {const} */ ([
      [server, SERVER, SERVER_LINK],
      [caller, CALLER, CALLER_LINK],
    ])) {
      ip('-n', namespace, 'link', 'set', 'wire', 'address', link, 'up');
      ip('-n', namespace, 'address', 'add', `${address}/28`, 'dev', 'wire');
    }
    // With the link itself taken down, the system would know and tell.
    /** @param {string} toServer @param {string} toCaller */
    const lead = (toServer, toCaller) => {
      neighbour(caller, SERVER, toServer);
      neighbour(server, CALLER, toCaller);
    };
    const mend = () => lead(SERVER_LINK, CALLER_LINK);
    neighbour(caller, DEAD, NOBODY);
    // What iproute2 shows to programs inside in place of /etc/hosts.
    mkdirSync(settingsOf(caller), { recursive: true });
    writeFileSync(
      `${settingsOf(caller)}/hosts`,
      `127.0.0.1 localhost\n${DEAD} ${NAME_OF_BOTH}\n${SERVER} ${NAME_OF_BOTH}\n`,
    );
    mend();
    const relay = start(server, join(__dirname, 'relay.cjs'), SERVER, String(PORT), socketPath);
    await once(relay, 'message');
    return {
      endpoint: `http://${SERVER}:${PORT}`,
      /** Has two addresses, of which the first is dead. */
      endpointOfBoth: `http://${NAME_OF_BOTH}:${PORT}`,
      /** @param {string} path @param {string[]} programArguments */
      start: (path, ...programArguments) => start(caller, path, ...programArguments),
      /** From now on packets vanish, in both directions. */
      cut: () => lead(NOBODY, NOBODY),
      mend,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Says who has an address.
 *
 * @param {string} namespace
 * @param {string} address
 * @param {string} link
 */
function neighbour(namespace, address, link) {
  const who = ['lladdr', link, 'dev', 'wire', 'nud', 'permanent'];
  ip('-n', namespace, 'neighbour', 'replace', address, ...who);
}

/** @param {string} part */
function nameOf(part) {
  return `balance-${process.pid}-${part}`;
}

/** @param {string} namespace */
function settingsOf(namespace) {
  return `/etc/netns/${namespace}`;
}

/** @param {string} namespace */
function drop(namespace) {
  try {
    ip('netns', 'delete', namespace);
  } catch {
    // It is not there.
  }
}

/** @param {string[]} commandArguments */
function ip(...commandArguments) {
  execFileSync('ip', commandArguments, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 10_000 });
}

module.exports = { openNetwork, whyNoNamespaces };
