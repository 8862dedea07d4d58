// Node does not exit while calls are under way, those of all clients.

// As it is when the package is loaded: tests put fake ones in place afterwards.
// biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:timers.
const { setInterval } = require('timers');

let underWay = 0;

// While it is referenced, Node does not exit.
let keepAlive;

// With the first client.
function prepareKeepAlive() {
  if (keepAlive === undefined) {
    keepAlive = openKeepAlive();
    keepAlive.unref();
  }
}

function callBegins() {
  underWay += 1;
  if (underWay === 1) {
    keepAlive.ref();
  }
}

function callsEnd(count) {
  underWay -= count;
  if (underWay === 0) {
    keepAlive.unref();
  }
}

// A timer that never fires in practice; or, where tests had put fake timers in place before this
// package was loaded, which keep nothing alive, a port that never gets a message.
function openKeepAlive() {
  // Sinon, Vitest and Jest leave their clock at the function; node:test gives it another name.
  const isFake = setInterval.clock !== undefined || setInterval.name !== 'setInterval';
  if (!isFake) {
    return setInterval(() => {}, 2 ** 31 - 1);
  }
  // biome-ignore lint/style/useNodejsImportProtocol: Node 14.17 cannot require node:worker_threads.
  const { MessageChannel } = require('worker_threads');
  return new MessageChannel().port1.on('message', () => {});
}

module.exports = { callBegins, callsEnd, prepareKeepAlive };
