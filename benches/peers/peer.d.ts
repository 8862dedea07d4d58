/** The two functions as every peer offers them to the driver. */
export interface Peer {
  getCurrentBalance(input: { userId: string }): Promise<number>;
  transact(input: Transaction): Promise<void>;
  /** All of them or none. */
  createTransactions(input: { transactions: Transaction[] }): Promise<unknown>;
  createHold(input: { idempotentKey: string; userId: string; amount: number }): Promise<unknown>;
  /** Takes part of a hold, and gives back the rest. */
  captureHold(input: { idempotentKey: string; hold: string; amount: number }): Promise<unknown>;
}

export interface Transaction {
  idempotentKey: string;
  userId: string;
  amount: number;
  type: 'credit' | 'debit';
}

export interface PeerOptions {
  endpoint: string;
  /** How many calls will be under way at once. */
  callers: number;
}
