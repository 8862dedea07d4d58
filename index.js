// The public face: the two functions on a client made from the environment, and clients of one's own.

const { BalanceClient, BalanceError } = require('./client.js');

let defaultClient;

async function getCurrentBalance(input) {
  return await useDefaultClient().getCurrentBalance(input);
}

async function transact(input) {
  await useDefaultClient().transact(input);
}

function useDefaultClient() {
  if (defaultClient === undefined) {
    defaultClient = new BalanceClient();
  }
  return defaultClient;
}

module.exports = { getCurrentBalance, transact, BalanceClient, BalanceError };
