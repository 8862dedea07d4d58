// Clients that are dropped with their calls in flight, one round after the other. Runs with
// --expose-gc. Arguments: the stand-in's endpoint and how many rounds.

const assert = require('node:assert/strict');
const process = require('node:process');

const { clientOf, leaveUnanswered, mixedCall } = require('./calls.cjs');

/** Clients dropped in each round. */
const CLIENTS = 10;

/** Calls in flight on each of them. */
const CALLS = 6;

const collect = globalThis.gc;
assert(collect, 'node --expose-gc');

void (async () => {
  const [endpoint = '', rounds = ''] = process.argv.slice(2);
  /** @type {WeakRef<object>[]} */
  const clients = [];
  const mebibytes = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const answers = Promise.all(
      Array.from({ length: CLIENTS }, () => dropWithCallsInFlight(endpoint, clients)),
    );
    // Before, while and after the answers arrive.
    for (let moment = 0; moment < 5; moment += 1) {
      collect();
      await pause(20);
    }
    await answers;
    collect();
    mebibytes.push(process.memoryUsage.rss() / 2 ** 20);
  }
  await pause(100);
  collect();
  const alive = clients.filter((client) => client.deref() !== undefined).length;
  process.stdout.write(JSON.stringify({ clients: clients.length, alive, mebibytes }));
})();

/**
 * Makes calls and forgets their client; resolves when they are answered, each as it should be.
 *
 * @param {string} endpoint
 * @param {WeakRef<object>[]} clients
 */
function dropWithCallsInFlight(endpoint, clients) {
  const client = clientOf(endpoint, clients.length % 4 === 0 ? { credentials: givenLater } : {});
  const forgotten = clientOf(endpoint, { callTimeout: 50 });
  clients.push(new WeakRef(client), new WeakRef(forgotten));
  // Nobody waits for these, and their deadline passes.
  leaveUnanswered(forgotten, 1);
  return Promise.all(
    Array.from({ length: CALLS }, (_, number) => mixedCall(client, number, 'slow')),
  );
}

async function givenLater() {
  await pause(Math.random() * 20);
  return { accessKeyId: 'local', secretAccessKey: 'secret' };
}

/** @param {number} milliseconds */
async function pause(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
