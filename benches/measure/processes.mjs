// The processes of a run: each has a limit of time, and none outlives this one.

import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { root } from '../../scripts/setup.mjs';

/** How long a server may take to start, and a peer beyond what it is to measure, in seconds. */
const PATIENCE = 40;

const built = `${root}/benches/servers/target/release`;

/** What every measured process finds: no metadata service to look for, no advice to print. */
const ENVIRONMENT = {
  PATH: process.env['PATH'],
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @typedef {import('./driver.cjs').Load} Load */
/** @typedef {import('./driver.cjs').Figures} Figures */

/** @type {Set<ChildProcess>} */
const running = new Set();

process.once('exit', stopAll);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    stopAll();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

function stopAll() {
  for (const child of running) {
    child.kill('SIGKILL');
  }
}

/**
 * @template {ChildProcess} C
 * @param {C} child
 */
function keep(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @param {number} seconds
 */
async function within(promise, what, seconds) {
  const abort = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${what} did not end within ${seconds} s`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
    late.catch(() => undefined);
  }
}

/**
 * @typedef {object} Server
 * @property {string} address
 * @property {() => void} stop
 */

/**
 * Starts one of the servers in Rust, which prints its port and ends when its input does.
 *
 * @param {'stand-in' | 'model'} name
 * @param {string[]} serverArguments
 * @returns {Promise<Server>}
 */
export async function startServer(name, serverArguments) {
  const child = keep(
    spawn(`${built}/${name}`, serverArguments, { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const port = await within(
    Promise.race([once(child.stdout, 'data'), once(child, 'exit')]),
    name,
    PATIENCE,
  );
  if (child.exitCode !== null) {
    throw new Error(`${name} ended with ${child.exitCode} at its start`);
  }
  return { address: `127.0.0.1:${String(port).trim()}`, stop: () => child.kill('SIGKILL') };
}

/**
 * @param {{ latency: number, spread: number, history: boolean }} model
 * @returns {Promise<Server>}
 */
export async function startModel({ latency, spread, history }) {
  const index = history ? ['history'] : [];
  return await startServer('model', [String(latency), String(spread), ...index]);
}

/**
 * Runs loads side by side, each in a process of its own, from the same moment on.
 *
 * @param {Load[]} loads
 * @param {() => Promise<void>} begin called between warm-up and measurement
 * @returns {Promise<Figures[]>}
 */
export async function drive(loads, begin) {
  const drivers = loads.map((load) => new Driver(load));
  try {
    await Promise.all(drivers.map((driver) => driver.warm()));
    await begin();
    return await Promise.all(drivers.map((driver) => driver.measure()));
  } finally {
    for (const driver of drivers) {
      driver.stop();
    }
  }
}

class Driver {
  #child;
  #load;
  #complaints = '';

  /** @param {Load} load */
  constructor(load) {
    this.#load = load;
    this.#child = keep(
      fork(`${root}/benches/measure/driver.cjs`, [JSON.stringify(load)], {
        env: { ...ENVIRONMENT, ...load.environment },
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      }),
    );
    this.#child.stderr?.on('data', (chunk) => {
      this.#complaints += chunk;
    });
  }

  async warm() {
    await this.#message(this.#load.warmUp.longest);
  }

  async measure() {
    this.#child.send('begin');
    const { figures } = await this.#message(this.#load.duration);
    return /** @type {Figures} */ (figures);
  }

  stop() {
    this.#child.kill('SIGKILL');
  }

  /** @param {number} seconds that it takes at least */
  async #message(seconds) {
    const abort = new AbortController();
    const { signal } = abort;
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error(`${this.#load.peer} ended early.\n${this.#complaints}`);
    });
    try {
      const message = once(this.#child, 'message', { signal });
      const [data] = await within(
        Promise.race([message, ended]),
        this.#load.peer,
        seconds + PATIENCE,
      );
      return data;
    } finally {
      abort.abort();
      ended.catch(() => undefined);
    }
  }
}

/**
 * Runs a program to its end and reads the JSON that it prints.
 *
 * @param {string} command
 * @param {string[]} programArguments
 * @param {NodeJS.ProcessEnv} [environment]
 */
export async function runForJson(command, programArguments, environment = {}) {
  const child = keep(
    spawn(command, programArguments, {
      env: { ...ENVIRONMENT, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE * 1000,
      killSignal: 'SIGKILL',
    }),
  );
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(`${command} ${programArguments.join(' ')} failed (${code}).\n${complaints}`);
  }
  return JSON.parse(output);
}

/**
 * The floor, which brings its own driver.
 *
 * @param {{ address: string, operation: string, callers: number, duration: number }} load
 * @returns {Promise<{ calls: number, seconds: number, cpuMicroseconds: number, p50: number,
 *   p99: number }>}
 */
export async function measureFloor({ address, operation, callers, duration }) {
  const floorArguments = [address, operation, String(callers), String(duration)];
  return await runForJson(`${built}/floor`, floorArguments);
}

/**
 * @param {string} file of the peer
 * @param {string} endpoint
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<{ require: number, firstBalance: number }>}
 */
export async function measureStartUp(file, endpoint, environment) {
  const program = `${root}/benches/measure/start-up.cjs`;
  return await runForJson(process.execPath, [program, file, endpoint], environment);
}

/**
 * @param {object} waiting
 * @param {string} waiting.peer its file
 * @param {string} waiting.endpoint that never answers
 * @param {string} waiting.operation
 * @param {string} waiting.users
 * @param {number} waiting.calls
 * @returns {Promise<{ bytesPerCall: number }>}
 */
export async function measureWaiting(waiting) {
  const program = `${root}/benches/measure/waiting.cjs`;
  return await runForJson(process.execPath, ['--expose-gc', program, JSON.stringify(waiting)]);
}
