// Makes a client and a call while this process can have no further descriptor or no further thread,
// and another call when it has descriptors again. Says what became of each.

const { execFileSync } = require('node:child_process');
const { closeSync, openSync } = require('node:fs');
const { join } = require('node:path');

const { BalanceClient } = require(join(__dirname, '..', '..'));

const [endpoint, when] = process.argv.slice(2);
const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const options = { endpoint, region: 'us-east-1', credentials, callTimeout: 1000 };

function takeAllDescriptors() {
  const taken = [];
  try {
    for (;;) {
      taken.push(openSync('/dev/null', 'r'));
    }
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EMFILE') {
      throw error;
    }
  }
  return taken;
}

/** @param {() => import('../..').BalanceClient} open */
async function call(open) {
  try {
    return await open().getCurrentBalance({ userId: 'user' });
  } catch (error) {
    return /** @type {{ code: string }} */ (error).code;
  }
}

async function main() {
  const outcomes = [];
  const client = when === 'after the client is made' ? new BalanceClient(options) : undefined;
  const isAboutThreads = when === 'without threads';
  if (isAboutThreads) {
    // Node has started its own by now.
    execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1']);
  }
  const taken = isAboutThreads ? [] : takeAllDescriptors();
  outcomes.push(await call(() => client ?? new BalanceClient(options)));
  for (const descriptor of taken) {
    closeSync(descriptor);
  }
  outcomes.push(await call(() => client ?? new BalanceClient(options)));
  process.stdout.write(JSON.stringify(outcomes));
}

void main();
