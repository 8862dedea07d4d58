/**
 * Clients for the tests of applications: their tables are in memory, all else is what runs against DynamoDB.
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

/** What a {@link TestClient} can be told: what a client can, and what is in its tables. */
export interface TestClientOptions extends BalanceClientOptions {
  /** Transactions that took place before the test, in this order. Each moves the balance of its user. */
  transactions?: readonly EarlierTransaction[] | undefined;
  /**
   * Balances by user, as they are stored when the test begins; 0 and less are possible. Nothing is recorded about
   * them, so that {@link TestClient.audit} finds those that are not the default balance plus `transactions`.
   */
  balances?: Readonly<Record<string, Amount>> | undefined;
  /** At which time the clock stands. Without it the clock is that of the machine. */
  now?: Date | undefined;
  /** A client whose tables and clock this one shares, as two processes share tables in DynamoDB. */
  tablesOf?: TestClient | undefined;
}

/** A transaction that took place before the test. */
export interface EarlierTransaction {
  /** The caller's name for it. */
  idempotentKey: string;
  /** The account. */
  userId: string;
  /** How much was moved. */
  amount: Amount;
  /** Which way the money went. */
  type: 'credit' | 'debit';
  /** What its caller stored with it. */
  metadata?: Record<string, string> | undefined;
  /** When its call began; without it, now. */
  timestamp?: Date | undefined;
}

/** The name of an operation that can be scripted. */
export type OperationName = Exclude<keyof BalanceOperations, 'close'>;

/** A call, as `when` of a {@link ScriptedOutcome} is asked about it. */
export interface ScriptedCall {
  /** Which method was called; the functions count as the methods of the same name. */
  operation: OperationName;
  /** What it was called with. */
  input: unknown;
}

/** How a call is to end. */
export interface ScriptedOutcome {
  /** The code that it is rejected with. */
  code: BalanceErrorCode;
  /**
   * Whether the call takes effect all the same, as one with the code `OUTCOME_UNKNOWN` may have done.
   * `false` without it: the call changes nothing.
   */
  tookEffect?: boolean | undefined;
  /** The operation; without it, any. */
  operation?: OperationName | undefined;
  /** Whether it is for this call; without it, for the next one. */
  when?: ((call: ScriptedCall) => boolean) | undefined;
  /** The message in place of the usual one. */
  message?: string | undefined;
}

/**
 * What `dynamodb-balance audit --json` prints. Findings of each kind are all counted, and the first 10,000 are
 * in `items`.
 */
export interface AuditReport {
  /** `busy` does not occur in memory, where nothing moves during an audit. */
  verdict: 'right' | 'wrong' | 'busy';
  /** How many users there are. */
  users: number;
  /** How many records there are. */
  records: number;
  /** How often the records were read. */
  passes: number;
  /** What a user without a stored balance was taken to have. */
  defaultBalance: string;
  /** The default balance with which several users would add up who do not, if there is one. */
  fittingDefaultBalance: string | null;
  /** Balances that are not the default balance plus the records. */
  mismatches: Findings<BalanceMismatch>;
  /** Users for whom other money is held than what their open holds have. */
  heldMismatches: Findings<HeldMismatch>;
  /** Balances below zero. */
  negatives: Findings<NegativeBalance>;
  /** Items that this package would not have written. */
  malformed: Findings<MalformedItem>;
  /** Users whose money kept moving, and who were not judged. */
  busy: Findings<string>;
}

/** What an audit found of one kind. */
export interface Findings<Finding> {
  /** How many there are. */
  count: number;
  /** The first of them. */
  items: Finding[];
}

/** A balance that is not the default balance plus the records of its user. */
export interface BalanceMismatch {
  /** The account. */
  userId: string;
  /** What is stored, if anything is. */
  balance: string | null;
  /** What the records lead to. */
  expected: string;
  /** How many records there are. */
  records: number;
}

/** Other money held than what the open holds of a user have. */
export interface HeldMismatch {
  /** The account. */
  userId: string;
  /** What is stored, if anything is. */
  held: string | null;
  /** What the open holds have. */
  expected: string;
  /** How many there are. */
  openHolds: number;
}

/** A balance below zero. */
export interface NegativeBalance {
  /** The account. */
  userId: string;
  /** What is stored. */
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
 * A {@link BalanceClient} on tables in memory. It needs neither DynamoDB nor a network, region or credentials: the
 * options about them are checked, and not used. Both tables and both indexes are there.
 */
export class TestClient extends BalanceClient {
  /** @throws {@link BalanceError} with the code `INVALID_OPTION`, or that of the field that is wrong. */
  constructor(options?: TestClientOptions);

  /** The time of its clock, by which timestamps are made and holds expire. */
  now(): Date;

  /** Sets the clock, which then stands still. From 1970 to 9999. */
  setTime(time: Date): void;

  /** Moves the clock ahead, whether it stands or not. Deadlines and time-outs are not measured by it. */
  advanceTime(milliseconds: number): void;

  /** All records in its tables, in the order in which they were written. */
  transactions(): Transaction[];

  /** Compares the balances with the records, as `dynamodb-balance audit` does. */
  audit(): AuditReport;

  /**
   * Scripts how a call ends: that of a client of these tables which comes next, or comes next and matches. A
   * call that is refused for another reason, such as bad input, leaves it to the one after it.
   *
   * @throws {@link BalanceError} with the code `INVALID_INPUT`.
   */
  scriptOutcome(outcome: ScriptedOutcome): void;

  /** What is scripted and was not needed so far. A test that expects none has not overlooked a call. */
  unusedOutcomes(): ScriptedOutcome[];
}

/** What an application imports of `dynamodb-balance`, on tables in memory. */
export interface TestModule {
  /** On the tables of `testClient`. */
  getCurrentBalance: typeof import('./index').getCurrentBalance;
  /** On the tables of `testClient`. */
  transact: typeof import('./index').transact;
  /** Clients that name the same tables share them. */
  BalanceClient: typeof TestClient;
  /** The class of all errors, which is the package's own. */
  BalanceError: typeof BalanceError;
  /** The client that the two functions use. */
  testClient: TestClient;
}

/** Makes a client on tables in memory of its own. */
export function createTestClient(options?: TestClientOptions): TestClient;

/**
 * Makes what stands in for the whole package, for applications that import it where a client cannot be handed over:
 *
 * ```js
 * jest.mock('dynamodb-balance', () => require('dynamodb-balance/testing').createTestModule());
 * ```
 */
export function createTestModule(options?: TestClientOptions): TestModule;
