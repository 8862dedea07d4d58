// What the callers of the benchmarks call, each time with another key and, unless there is but one
// account, for another user.

const { randomUUID } = require('node:crypto');

/** @typedef {'read' | 'transact' | 'transfer' | 'sale' | 'reserve' | 'settle'} Operation */

const USERS = 10_000;

/** Who pays, and who sells on one platform. */
const PAYERS = 2_000;

/** So much that sums in binary floating point would show. */
const AMOUNT = 0.1;

/** So little that a balance lasts for a million holds. */
const ESTIMATE = 0.0001;

/**
 * @param {import('../peers/peer.d.ts').Peer} peer
 * @param {'many' | 'hot'} users
 * @returns {Record<Operation, (turn: number) => Promise<void>>} told how often its caller has called
 */
function operationsOf(peer, users) {
  const prefix = randomUUID();
  let sequence = 0;

  function nextUser() {
    sequence += 1;
    return users === 'hot' ? 'hot-user' : `user-${sequence % USERS}`;
  }

  /** @returns {[key: string, payer: string]} */
  function nextPayer() {
    sequence += 1;
    return [`${prefix}-${sequence}`, `payer-${sequence % PAYERS}`];
  }

  return {
    read: async () => {
      const balance = await peer.getCurrentBalance({ userId: nextUser() });
      if (typeof balance !== 'number') {
        throw new Error(`no balance but ${balance}`);
      }
    },
    transact: async (turn) => {
      const userId = nextUser();
      await peer.transact({
        idempotentKey: `${prefix}-${sequence}`,
        userId,
        amount: AMOUNT,
        // What a caller takes it has brought before, so that every debit is covered.
        type: turn % 2 === 0 ? 'credit' : 'debit',
      });
    },
    transfer: async () => {
      const [key, payer] = nextPayer();
      const payee = users === 'hot' ? 'merchant' : `payee-${sequence % USERS}`;
      await peer.createTransactions({
        transactions: [
          { idempotentKey: `${key}/out`, userId: payer, amount: AMOUNT, type: 'debit' },
          { idempotentKey: `${key}/in`, userId: payee, amount: AMOUNT, type: 'credit' },
        ],
      });
    },
    sale: async () => {
      const [key, payer] = nextPayer();
      const seller = `seller-${sequence % PAYERS}`;
      await peer.createTransactions({
        transactions: [
          { idempotentKey: `${key}/pay`, userId: payer, amount: AMOUNT, type: 'debit' },
          { idempotentKey: `${key}/sell`, userId: seller, amount: 0.09, type: 'credit' },
          { idempotentKey: `${key}/fee`, userId: 'platform', amount: 0.01, type: 'credit' },
        ],
      });
    },
    reserve: async () => {
      const userId = nextUser();
      await peer.createHold({ idempotentKey: `${prefix}-${sequence}`, userId, amount: ESTIMATE });
    },
    settle: async () => {
      const userId = nextUser();
      const hold = `${prefix}-${sequence}`;
      await peer.createHold({ idempotentKey: hold, userId, amount: ESTIMATE });
      await peer.captureHold({ idempotentKey: `${hold}/used`, hold, amount: ESTIMATE / 2 });
    },
  };
}

module.exports = { operationsOf };
