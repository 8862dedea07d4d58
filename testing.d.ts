/**
 * Clients for the tests of applications: their tables are in memory, and everything else is the same code that runs against
 * DynamoDB.
 *
 * @packageDocumentation
 * @module testing
 */

import {
  type Amount,
  BalanceClient,
  type BalanceClientOptions,
  BalanceError,
  type BalanceErrorCode,
  type BalanceOperations,
  type Transaction,
} from './index';

export { BalanceError, type Transaction };

/** The options of a {@link TestClient}: the options of a client, and the contents of its tables. */
export interface TestClientOptions extends BalanceClientOptions {
  /** Transactions that took place before the test, in this order. Each moves the balance of its user. */
  transactions?: readonly EarlierTransaction[] | undefined;
  /**
   * Stored balances by user when the test begins; they may be 0 or negative. There are no records for them, so
   * {@link TestClient.audit} reports those that are not the default balance plus `transactions`.
   */
  balances?: Readonly<Record<string, Amount>> | undefined;
  /** The time at which the clock is stopped. By default, the clock of the machine is used. */
  now?: Date | undefined;
  /** Another client whose tables and clock this client shares, as two processes share tables in DynamoDB. */
  tablesOf?: TestClient | undefined;
}

/** A transaction that took place before the test. */
export interface EarlierTransaction {
  /** Its idempotency key. */
  idempotentKey: string;
  /** The account. */
  userId: string;
  /** The amount. */
  amount: Amount;
  /** Whether money was added or taken. */
  type: 'credit' | 'debit';
  /** The metadata that the caller stored with it. */
  metadata?: Record<string, string> | undefined;
  /** When its call began. Default: now. */
  timestamp?: Date | undefined;
}

/** The name of an operation that can be scripted. */
export type OperationName = Exclude<keyof BalanceOperations, 'close'>;

/** A call, as it is passed to `when` of a {@link ScriptedOutcome}. */
export interface ScriptedCall {
  /** Which method was called; the functions count as the methods of the same name. */
  operation: OperationName;
  /** The input of the call. */
  input: unknown;
}

/** The outcome of a call. */
export interface ScriptedOutcome {
  /** The code with which the call rejects. */
  code: BalanceErrorCode;
  /**
   * Whether the call takes effect nevertheless, as may happen with the code `OUTCOME_UNKNOWN`. Default: `false`, so the
   * call changes nothing.
   */
  tookEffect?: boolean | undefined;
  /** The operation. Default: any. */
  operation?: OperationName | undefined;
  /** Returns whether the outcome is for this call. Default: it is for the next call. */
  when?: ((call: ScriptedCall) => boolean) | undefined;
  /** The message to use instead of the usual one. */
  message?: string | undefined;
}

/**
 * The output of `dynamodb-balance audit --json`. For each kind of finding, `count` is the total number, and `items` contains
 * the first 10,000.
 */
export interface AuditReport {
  /** `busy` does not occur in memory, because there are no transactions during an audit. */
  verdict: 'right' | 'wrong' | 'busy';
  /** The number of users. */
  users: number;
  /** The number of records. */
  records: number;
  /** How often the records were read. */
  passes: number;
  /** The default balance that the audit used. */
  defaultBalance: string;
  /** The default balance that would explain the mismatches of several users, if there is one. */
  fittingDefaultBalance: string | null;
  /** Balances that are not the default balance plus the records. */
  mismatches: Findings<BalanceMismatch>;
  /** Users whose held amount is not the sum of their open holds. */
  heldMismatches: Findings<HeldMismatch>;
  /** Balances below zero. */
  negatives: Findings<NegativeBalance>;
  /** Items that this package would not have written. */
  malformed: Findings<MalformedItem>;
  /** Users who had new transactions in every pass, and for whom there is no verdict. */
  busy: Findings<string>;
}

/** The findings of one kind in an audit. */
export interface Findings<Finding> {
  /** The number of them. */
  count: number;
  /** The first of them. */
  items: Finding[];
}

/** A balance that is not the default balance plus the records of its user. */
export interface BalanceMismatch {
  /** The account. */
  userId: string;
  /** The stored value, if there is one. */
  balance: string | null;
  /** The balance that follows from the records. */
  expected: string;
  /** The number of records. */
  records: number;
}

/** A held amount that is not the sum of the open holds of its user. */
export interface HeldMismatch {
  /** The account. */
  userId: string;
  /** The stored value, if there is one. */
  held: string | null;
  /** The sum of the open holds. */
  expected: string;
  /** The number of them. */
  openHolds: number;
}

/** A balance below zero. */
export interface NegativeBalance {
  /** The account. */
  userId: string;
  /** The stored value. */
  balance: string;
}

/** An item that this package would not have written. */
export interface MalformedItem {
  /** The option that names its table. */
  table: 'balancesTable' | 'transactionsTable';
  /** Its key. */
  key: string;
  /** What is wrong with it. */
  complaint: string;
}

/**
 * A {@link BalanceClient} with tables in memory. It needs no DynamoDB, network, region or credentials: the options about
 * them are checked, but not used. Both tables and both indexes exist.
 */
export class TestClient extends BalanceClient {
  /** @throws {@link BalanceError} with the code `INVALID_OPTION`, or the code of the wrong field. */
  constructor(options?: TestClientOptions);

  /** The time of its clock, which is used for timestamps and for the expiry of holds. */
  now(): Date;

  /** Sets the clock and stops it. From 1970 to 9999. */
  setTime(time: Date): void;

  /** Moves the clock forward, whether it is stopped or not. Deadlines and timeouts do not use this clock. */
  advanceTime(milliseconds: number): void;

  /** All records in its tables, in the order in which they were written. */
  transactions(): Transaction[];

  /** Compares the balances with the records, as `dynamodb-balance audit` does. */
  audit(): AuditReport;

  /**
   * Scripts the outcome of a call: of the next call, or the next matching call, of any client of these tables. If that
   * call is refused for another reason, such as invalid input, the outcome stays for the next one.
   *
   * @throws {@link BalanceError} with the code `INVALID_INPUT`.
   */
  scriptOutcome(outcome: ScriptedOutcome): void;

  /** Scripted outcomes that have not been used yet. A test can check that there are none, so that no call is missing. */
  unusedOutcomes(): ScriptedOutcome[];
}

/** The exports of `dynamodb-balance`, with tables in memory. */
export interface TestModule {
  /** Uses the tables of `testClient`. */
  getCurrentBalance: typeof import('./index').getCurrentBalance;
  /** Uses the tables of `testClient`. */
  transact: typeof import('./index').transact;
  /** Clients with the same table names share the tables. */
  BalanceClient: typeof TestClient;
  /** The error class of the package. */
  BalanceError: typeof BalanceError;
  /** The client that the two functions use. */
  testClient: TestClient;
}

/** Creates a client with its own tables in memory. */
export function createTestClient(options?: TestClientOptions): TestClient;

/**
 * Creates a replacement for the whole package, for code that imports the package and to which you cannot pass a client:
 *
 * ```js
 * jest.mock('dynamodb-balance', () => require('dynamodb-balance/testing').createTestModule());
 * ```
 */
export function createTestModule(options?: TestClientOptions): TestModule;
