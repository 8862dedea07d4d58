// A bare Node process with the same driver. Its calls take a moment, as those to a server do: as
// fast as they could be, their garbage would look like memory that Node needs.

const { setTimeout: sleep } = require('node:timers/promises');

const MOMENT = 2;

/** @returns {import('./peer.d.ts').Peer} */
function open() {
  return {
    getCurrentBalance: async () => {
      await sleep(MOMENT);
      return 100;
    },
    transact: async () => {
      await sleep(MOMENT);
    },
    createTransactions: async () => {
      await sleep(MOMENT);
    },
    createHold: async () => {
      await sleep(MOMENT);
    },
    captureHold: async () => {
      await sleep(MOMENT);
    },
  };
}

module.exports = { open };
