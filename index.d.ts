/**
 * User balances on DynamoDB that stay true under races, retries and crashes.
 *
 * @packageDocumentation
 */

/** What {@link getCurrentBalance} needs. */
export interface GetCurrentBalanceInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
}

/** What {@link transact} needs. */
export interface TransactInput {
  /**
   * Your name for this transaction: 1 to 2,048 bytes of UTF-8, unique among all users. Sending
   * the same key again never moves money again; calls with one key at once share a request.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /**
   * How much to move: greater than 0 and from 1e-130 to below 1e126, the range of a DynamoDB
   * number. Stored and added as the shortest decimal that reads back as this number: 0.1 is 0.1.
   */
  amount: number;
  /** Which way the money goes. */
  type: 'credit' | 'debit';
}

/**
 * Reads the balance of a user, strongly consistent: you read your own writes. Creates nothing.
 *
 * Uses a {@link BalanceClient} made from the environment on first use.
 *
 * @returns The balance, or 100 if the user has none yet. A balance with more digits than a
 * JavaScript number holds (about 17) is rounded to the nearest one; what is stored stays exact.
 * @throws {@link BalanceError}, always as a rejection.
 */
export function getCurrentBalance(input: { userId: string }): Promise<number>;

/**
 * Credits or debits a user once per `idempotentKey`: one transaction in DynamoDB writes the
 * record and moves the balance, both or neither. A user without a balance starts from 100.
 *
 * Uses a {@link BalanceClient} made from the environment on first use.
 *
 * @throws {@link BalanceError}, always as a rejection. A duplicate is told before an
 * insufficient balance. A refused debit does not use up its key.
 */
export function transact(input: {
  idempotentKey: string;
  userId: string;
  amount: number;
  type: 'credit' | 'debit';
}): Promise<void>;

/** AWS credentials, shaped as the providers of the AWS SDK for JavaScript return them. */
export interface Credentials {
  /** The public half, such as `AKIA…` or `ASIA…`. */
  accessKeyId: string;
  /** The secret half. Never part of a message, a cause or debug output. */
  secretAccessKey: string;
  /** Comes with temporary credentials. */
  sessionToken?: string;
  /**
   * From this moment on they are not used any more; a function is asked for new ones some minutes
   * before. Without it they are kept until DynamoDB rejects them.
   */
  expiration?: Date;
}

/** How a {@link BalanceClient} differs from the default one. Every option may be left out. */
export interface BalanceClientOptions {
  /** The AWS region. Default: as the AWS chain says (`AWS_REGION`, profile, …), or us-east-1. */
  region?: string;
  /**
   * The URL of DynamoDB, such as `http://localhost:8000`, without user and password. Default: as
   * the AWS chain says (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, profile), or the region's
   * own.
   */
  endpoint?: string;
  /**
   * A profile of the AWS configuration files, which must exist. One that is named, here or by
   * `AWS_PROFILE`, beats keys in the environment. Default: `AWS_PROFILE`, or `default`.
   */
  profile?: string;
  /**
   * Credentials, or an async function that returns them. It is asked again some minutes before
   * they expire, and when DynamoDB rejects them, and may take as long as the call. Default: the AWS
   * chain (environment, profile, SSO, web identity, ECS, EC2 metadata).
   */
  credentials?: Credentials | (() => Promise<Credentials>);
  /** The name or ARN of the table of balances. Default: `UserBalances`. */
  balancesTable?: string;
  /** The name or ARN of the table of transactions. Default: `Transactions`. */
  transactionsTable?: string;
  /** What a user without a stored balance has: 0 or more. Default: 100. */
  defaultBalance?: number;
  /**
   * Whether reads are strongly consistent. Without it a read costs half and may be older than
   * your last transaction. Default: true.
   */
  consistentRead?: boolean;
  /** How long connecting may take, in milliseconds, 1 to 300,000. Default: 2,000. */
  connectTimeout?: number;
  /**
   * How long one attempt may take before it counts as unanswered and is repeated, in
   * milliseconds, 1 to 300,000. Default: 5,000.
   */
  attemptTimeout?: number;
  /**
   * How long a call may take with all its attempts, in milliseconds, 1 to 300,000. Default:
   * 25,000, which leaves a request handler behind API Gateway (29 seconds) time to answer.
   */
  callTimeout?: number;
}

/** What a single call can be told. */
export interface CallOptions {
  /**
   * Ends the call early, as its deadline would. A request that was not sent is called back:
   * `NOTHING_HAPPENED`. If it may have left, a transaction ends with `OUTCOME_UNKNOWN`. The
   * signal's reason becomes the `cause`. Any number of calls may share a signal.
   */
  signal?: AbortSignal;
}

/**
 * The two functions with your own region, endpoint, credentials, tables, default balance or
 * deadlines. Make one and keep it: it holds the connections. It does not keep the process alive.
 *
 * Limits: 64 transactions and 8 reads are in flight at once, the others wait their turn and travel
 * together; a client holds 65,536 calls, of one user 16,384, one more is refused with
 * `TOO_MANY_CALLS`.
 */
export class BalanceClient {
  /**
   * @throws {@link BalanceError} `INVALID_OPTION`, with the option's name. Nothing is sent: what
   * only DynamoDB can tell, the first call tells.
   */
  constructor(options?: BalanceClientOptions);

  /** As {@link getCurrentBalance}, with this client's options. */
  getCurrentBalance(input: GetCurrentBalanceInput, options?: CallOptions): Promise<number>;

  /** As {@link transact}, with this client's options. */
  transact(input: TransactInput, options?: CallOptions): Promise<void>;

  /**
   * Refuses new calls and `createTables` from now on, with `CLIENT_CLOSED`, and resolves when those
   * made before are answered, each by its own deadline.
   */
  close(): Promise<void>;

  /**
   * Makes the tables that are missing, with on-demand billing, and returns when both can be
   * used, within 120 seconds. Existing tables are left as they are. Calls that are made meanwhile
   * wait for the tables, each until its own deadline.
   *
   * @throws {@link BalanceError} `TABLE_MISMATCH` if an existing table has another key.
   */
  createTables(): Promise<void>;
}

/** What a caller may want to treat differently. Stable: match on these. */
export type BalanceErrorCode =
  /** Reading the input threw an error, which is the `cause`. Nothing was sent. */
  | 'INVALID_INPUT'
  /**
   * `idempotentKey` is missing, empty, no string, longer than 2,048 bytes of UTF-8, or not well-formed
   * Unicode. Nothing was sent.
   */
  | 'INVALID_IDEMPOTENT_KEY'
  /**
   * `userId` is missing, empty, no string, longer than 2,048 bytes of UTF-8, or not well-formed
   * Unicode. Nothing was sent.
   */
  | 'INVALID_USER_ID'
  /** `amount` is missing, not a finite number, or not greater than 0. Nothing was sent. */
  | 'INVALID_AMOUNT'
  /** `type` is neither `'credit'` nor `'debit'`. Nothing was sent. */
  | 'INVALID_TYPE'
  /**
   * An option, or a setting in the environment, is wrong or misspelt; the message names it. Nothing
   * was sent.
   */
  | 'INVALID_OPTION'
  /**
   * DynamoDB's numbers (38 digits, 1e-130 to 9.9…e+125) cannot hold the amount, or the new balance.
   * Nothing moved.
   */
  | 'AMOUNT_OUT_OF_RANGE'
  /** This very request was recorded before: treat it as done. Nothing moved now. */
  | 'DUPLICATE_TRANSACTION'
  /**
   * The key was recorded for another user, amount or type: a defect of the caller. Nothing moved
   * now.
   */
  | 'IDEMPOTENT_KEY_REUSED'
  /** The debit is larger than the balance. Nothing moved, and the key stays free. */
  | 'INSUFFICIENT_BALANCE'
  /** The stored balance is not a number: somebody else wrote it. Nothing moved; repair the item. */
  | 'CORRUPT_BALANCE'
  /** A table is missing; the message says which and how to make it. Nothing moved. */
  | 'TABLE_NOT_FOUND'
  /** From `createTables`: a table exists with another key. Nothing was changed. */
  | 'TABLE_MISMATCH'
  /** The credentials lack a permission; the message names it. Nothing moved. */
  | 'ACCESS_DENIED'
  /**
   * There are no credentials, or the credentials function failed: its error is the `cause`. Nothing
   * moved.
   */
  | 'NO_CREDENTIALS'
  /**
   * DynamoDB does not accept the credentials: expired, unknown, or of another region. Others were
   * asked for once, if their source can give any, and a wrong clock was corrected. Nothing moved.
   */
  | 'CREDENTIALS_REJECTED'
  /**
   * Retryable. The deadline passed, or the call was cancelled, and this call moved no money and will
   * move none. Call again. It does not settle an `OUTCOME_UNKNOWN` that another process was told
   * under the same key.
   */
  | 'NOTHING_HAPPENED'
  /**
   * Retryable. The deadline passed, or the call was cancelled, and its request, or that of an earlier
   * call with its key, may have left without an answer: money may have moved. Call again with the
   * same key; it cannot be applied twice. A refusal from the client that was told this is final. From
   * another process or client it is final only against credits that begin more than 5 seconds and the
   * difference of the clocks after it was told; after 15 minutes always.
   */
  | 'OUTCOME_UNKNOWN'
  /**
   * Retryable. The client holds 65,536 calls already, or 16,384 of this user. Nothing moved; slow down
   * and call again.
   */
  | 'TOO_MANY_CALLS'
  /** `close` was called on this client before. Nothing moved. */
  | 'CLIENT_CLOSED'
  /** DynamoDB refused for another reason, which the message tells. Nothing moved. */
  | 'SERVICE_ERROR'
  /** A defect of this package; the message says whether money may have moved. */
  | 'INTERNAL_ERROR';

/** Every rejection of this package. */
export class BalanceError extends Error {
  /** Always `BalanceError`. */
  readonly name: 'BalanceError';
  /** Stable; match on this rather than on the message. */
  readonly code: BalanceErrorCode;
  /** Whether the same call, with the same key, may succeed without anyone changing anything. */
  readonly retryable: boolean;
  /** The error underneath, where there is one. */
  readonly cause?: unknown;

  /** For tests that need one; the package makes its own. */
  constructor(failure: {
    code: BalanceErrorCode;
    message: string;
    retryable: boolean;
    cause?: unknown;
  });
}
