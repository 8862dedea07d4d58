/**
 * User balances on DynamoDB that stay correct when calls race, are retried, or crash.
 *
 * @packageDocumentation
 * @module dynamodb-balance
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

/**
 * How much: greater than 0, of at most 38 digits, from 1e-130 to below 1e126. A string is a plain decimal
 * such as `'0.000000000000000001'`, exact to the last digit; a number is the shortest decimal that reads back
 * as it.
 */
export type Amount = number | bigint | string;

/** What {@link BalanceClient.createTransaction} needs. */
export interface CreateTransactionInput {
  /**
   * Your name for this transaction: 1 to 2,048 bytes of UTF-8, unique among all users. The same
   * request again moves nothing and is answered with what is recorded.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** How much to move. */
  amount: Amount;
  /** Which way the money goes. */
  type: 'credit' | 'debit';
  /**
   * Your own words, stored with the record: at most 50 entries, 2,048 bytes of UTF-8 in all. A replay
   * does not compare it, and returns what was stored.
   */
  metadata?: Record<string, string> | undefined;
}

/** A transaction as it is on record. */
export interface Transaction {
  /** The caller's name for it. */
  idempotentKey: string;
  /** The account. */
  userId: string;
  /** How much was moved: a plain decimal with all of its digits and no exponent, such as `'30.1'`. */
  amount: string;
  /** Which way the money went. */
  type: 'credit' | 'debit';
  /** When its call began: ISO 8601 in UTC with milliseconds, such as `'2024-05-06T07:08:09.010Z'`. */
  timestamp: string;
  /** What its caller stored with it. */
  metadata?: Record<string, string>;
  /** Of a hold: whether its money is set aside still, was taken, or went back. */
  holdState?: 'open' | 'captured' | 'released';
  /** Of a hold that expires: from when on it cannot be captured any more. */
  expiresAt?: string;
  /** Of a captured hold: how much of it. */
  capturedAmount?: string;
  /** Of a hold that is not open any more: the `idempotentKey` of the call that closed it. */
  closedBy?: string;
  /** Of a credit that gave back what a hold was not captured for: the key of that hold. */
  hold?: string;
  /**
   * What is wrong with a record that this package would not have written. Such a record is told as far
   * as it goes: `amount` and `type` are the text that is stored, or empty, and of `metadata` only the
   * strings are there. Records of this package do not have it.
   */
  malformed?: string;
}

/** What {@link BalanceClient.createTransaction} has done. */
export interface CreateTransactionResult {
  /** What is recorded under the key. */
  transaction: Transaction;
  /** Whether an earlier call recorded it, and this one moved nothing. */
  replayed: boolean;
}

/** What {@link BalanceClient.createTransactions} needs. */
export interface CreateTransactionsInput {
  /**
   * All of them take effect, one after the other, or none does. At most 100 actions: one for each
   * transaction and one for each user: at most 99 transactions of one user, or 50 of as many
   * users.
   */
  transactions: readonly CreateTransactionInput[];
}

/** What {@link BalanceClient.createTransactions} has done. */
export interface CreateTransactionsResult {
  /** In the order of the input. */
  transactions: Transaction[];
  /** Whether an earlier call recorded them, and this one moved nothing. */
  replayed: boolean;
}

/** The balance of a user. */
export interface Balance {
  /** The account. */
  userId: string;
  /** What can be debited: a plain decimal, exact. The default balance if none is stored. */
  balance: string;
  /** What open holds keep back: a plain decimal, exact. It is not part of `balance`. */
  held: string;
  /** Whether the user has an item in the table of balances. */
  exists: boolean;
}

/** AWS credentials, shaped as the providers of the AWS SDK for JavaScript return them. */
export interface Credentials {
  /** The public half, such as `AKIA…` or `ASIA…`. */
  accessKeyId: string;
  /** The secret half. Never part of a message, a cause or debug output. */
  secretAccessKey: string;
  /** Comes with temporary credentials. */
  sessionToken?: string | undefined;
  /**
   * From this moment on they are not used any more; a function is asked for new ones some minutes
   * before. Without it they are kept until DynamoDB rejects them.
   */
  expiration?: Date | undefined;
}

/** What a credentials function is told: as much as the AWS SDK for JavaScript tells its providers. */
export interface CredentialsContext {
  /** The client that asks. */
  callerClientConfig: {
    /** Its region, in which a provider asks STS, for example. */
    region: () => Promise<string>;
    /** Its option `profile`. Absent where that was left out. */
    profile?: string;
  };
}

/** How a {@link BalanceClient} differs from the default one. Every option may be left out. */
export interface BalanceClientOptions {
  /** The AWS region. Default: as the AWS chain says (`AWS_REGION`, profile, …), or us-east-1. */
  region?: string | undefined;
  /**
   * The URL of DynamoDB, such as `http://localhost:8000` or a `URL`, without user and password.
   * Default: as the AWS chain says (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, profile), or
   * the region's own.
   */
  endpoint?: string | URL | undefined;
  /**
   * A profile of the AWS configuration files, which must exist. One that is named, here or by
   * `AWS_PROFILE`, beats keys in the environment. Default: `AWS_PROFILE`, or `default`.
   */
  profile?: string | undefined;
  /**
   * Credentials, or an async function that returns them, such as the providers of
   * `@aws-sdk/credential-providers`. It is asked again some minutes before they expire, and when
   * DynamoDB rejects them, and may take as long as the call.
   *
   * A function that fails is `NO_CREDENTIALS`. Where its error, or a `cause` of it, says that the
   * reason may pass, the function is asked again until the deadline, and then the call is
   * `NOTHING_HAPPENED`. These say so: Node's errors of the network (`ECONNREFUSED`, `ENOTFOUND`, …),
   * errors of the AWS SDK that tell of throttling, of a timeout or of a failing service, and any
   * error with `retryable: true`.
   *
   * Default: the AWS chain (environment, profile, SSO, web identity, ECS, EC2 metadata).
   */
  credentials?: Credentials | ((context: CredentialsContext) => Promise<Credentials>) | undefined;
  /** The name or ARN of the table of balances. Default: `UserBalances`. */
  balancesTable?: string | undefined;
  /** The name or ARN of the table of transactions. Default: `Transactions`. */
  transactionsTable?: string | undefined;
  /** What a user without a stored balance has: 0 or more. Default: 100. */
  defaultBalance?: number | undefined;
  /**
   * Whether reads are strongly consistent. Without it a read costs half and may be older than
   * your last transaction. Default: true.
   */
  consistentRead?: boolean | undefined;
  /** How long connecting may take, in milliseconds, 1 to 300,000. Default: 2,000. */
  connectTimeout?: number | undefined;
  /**
   * How long one attempt may take before it counts as unanswered and is repeated, in
   * milliseconds, 1 to 300,000. Default: 5,000.
   */
  attemptTimeout?: number | undefined;
  /**
   * How long a call may take with all its attempts, in milliseconds, 1 to 300,000. Default:
   * 25,000, which leaves a request handler behind API Gateway (29 seconds) time to answer.
   */
  callTimeout?: number | undefined;
  /**
   * What the user agent of each request has behind the name of this package, such as `shop/1.2`: up to 256
   * visible ASCII characters and spaces. AWS logs it.
   */
  customUserAgent?: string | undefined;
}

/** What a single call can be told. */
export interface CallOptions {
  /**
   * Ends the call early, as its deadline would. A request that was not sent is called back:
   * `NOTHING_HAPPENED`. If it may have left, a transaction ends with `OUTCOME_UNKNOWN`. The
   * signal's reason becomes the `cause`. Any number of calls may share a signal.
   */
  signal?: AbortSignal | undefined;
}

/** The numbers of {@link BalanceClient.stats}. Each is right by itself; two may be of different instants. */
export interface BalanceClientStatistics {
  /** Calls that were accepted and are not answered yet. A client holds at most 65,536. */
  heldCalls: number;
  /** Those of them that no request carries at the moment: they wait for their turn, or pause. */
  waitingCalls: number;
  /** Requests for transactions and for reads that are in flight. Listings are not counted. */
  requestsInFlight: number;
  /** Attempts at such requests so far, those that ended epochs included. */
  attempts: number;
  /** Requests that took effect. */
  committedRequests: number;
  /** Calls that they carried: divided by `committedRequests` it is how many travel together. */
  committedCalls: number;
  /** Attempts that met another transaction on the same items, and are repeated. */
  conflicts: number;
  /** Attempts that DynamoDB throttled, and that are repeated. */
  throttled: number;
  /** Attempts without an answer, or with one of a failing service, that are repeated. */
  unanswered: number;
  /** Attempts that could not be sent, or whose signature was out of date, and that are repeated. */
  notTaken: number;
  /** Epochs that were ended to exclude that a late request takes effect; others call it a fence. */
  endedEpochs: number;
}

/** What {@link BalanceClient.createHold} needs. */
export interface CreateHoldInput {
  /**
   * Your name for this hold: 1 to 2,040 bytes of UTF-8, unique among all transactions. The same request
   * again moves nothing and is answered with what is recorded; `expiresAt` and `metadata` are not compared.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** How much to set aside. */
  amount: Amount;
  /**
   * From when on it cannot be captured any more. The money is back in the balance when it is released, by
   * {@link BalanceClient.releaseExpiredHolds} for one. Default: it does not expire.
   */
  expiresAt?: Date | undefined;
  /** As in {@link CreateTransactionInput.metadata}. */
  metadata?: Record<string, string> | undefined;
}

/** What {@link BalanceClient.captureHold} needs. */
export interface CaptureHoldInput {
  /** Your name for this capture, as for a transaction. It is not the key of the hold. */
  idempotentKey: string;
  /** The `idempotentKey` of the hold. */
  hold: string;
  /** How much to capture, at most what the hold has; the rest goes back. Default: all of it. */
  amount?: Amount | undefined;
}

/** What {@link BalanceClient.releaseHold} needs. */
export interface ReleaseHoldInput {
  /** Your name for this release, as for a transaction. It is not the key of the hold. */
  idempotentKey: string;
  /** The `idempotentKey` of the hold. */
  hold: string;
}

/** The record of a hold: a debit that can be given back until it is captured. It has its `holdState`. */
export type Hold = Transaction & {
  /** A hold is a debit. */
  type: 'debit';
  /** Whether its money is set aside still, was taken, or went back. */
  holdState: 'open' | 'captured' | 'released';
};

/** What a call about one hold has done. */
export interface HoldResult {
  /** The hold as it is now. */
  hold: Hold;
  /** Whether an earlier call with this key did it, and this one changed nothing. */
  replayed: boolean;
}

/** What {@link BalanceClient.listHolds} needs. */
export interface ListHoldsInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** How many holds a page has at most, 1 to 1,000. Default: 100. */
  limit?: number | undefined;
  /** The `cursor` of the page before, to the letter. Default: the first page. */
  cursor?: string | undefined;
}

/** A page of the open holds of a user. */
export interface HoldPage {
  /** Those that expire first come first, those that do not expire last. */
  holds: Hold[];
  /** Leads to the next page. Without it this was the last page. */
  cursor?: string;
}

/** What {@link BalanceClient.releaseExpiredHolds} can be told. */
export interface ReleaseExpiredHoldsInput {
  /** Called for each page of holds that was read and after each hold, with the numbers so far. */
  onProgress?: ((progress: { released: number; failed: number }) => void) | undefined;
}

/** What {@link BalanceClient.releaseExpiredHolds} has done. */
export interface ReleaseExpiredHoldsResult {
  /** How many holds this call released. */
  released: number;
  /** Holds that are still open. */
  failures: HoldFailure[];
}

/** A hold that could not be released. */
export interface HoldFailure {
  /** The `idempotentKey` of the hold. */
  hold: string;
  /** Why. */
  error: BalanceError;
}

/** What {@link BalanceClient.createTables} can be told. */
export interface CreateTablesOptions {
  /**
   * Whether the table of transactions gets the index `UserHistory` (partition key `userId`, sort key
   * `timestamp`, all attributes), which {@link BalanceClient.listTransactions} reads. It makes each
   * transaction cost one write unit more, and limits one account to about 1,000 transactions a second.
   * Without it an index that is there is left as it is. Default: false.
   */
  history?: boolean | undefined;
  /**
   * Whether the table of transactions gets the index `OpenHolds` (partition key `userId`, sort key
   * `openUntil`, all attributes), which {@link BalanceClient.listHolds} and
   * {@link BalanceClient.releaseExpiredHolds} read. Only open holds are in it: it makes opening and closing
   * one cost one write unit more each, and nothing else. Default: false.
   */
  holds?: boolean | undefined;
}

/** What {@link BalanceClient.listTransactions} needs. */
export interface ListTransactionsInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** Only transactions at or after this instant (inclusive). Default: from the first one. */
  from?: Date | undefined;
  /** Only transactions before this instant (exclusive). Default: up to the last one. */
  to?: Date | undefined;
  /**
   * Which one comes first, by `timestamp`; those of the same millisecond are in no particular order.
   * Default: `'newest'`.
   */
  order?: 'newest' | 'oldest' | undefined;
  /** How many transactions a page has at most, 1 to 1,000. Default: 100. */
  limit?: number | undefined;
  /**
   * The `cursor` of the page before, to the letter. It is bound to `userId`, `order`, `from` and `to`,
   * which have to stay the same; `limit` may change. Default: the first page.
   */
  cursor?: string | undefined;
}

/** A page of the history of a user. */
export interface TransactionPage {
  /** In the order that was asked for: at most `limit`, and fewer where they are very large. */
  transactions: Transaction[];
  /** Leads to the next page, and fits into a URL. Without it this was the last page. */
  cursor?: string;
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
   * The balance of a user, exact. One strongly consistent read, which creates nothing.
   *
   * @throws {@link BalanceError}, always as a rejection, with the codes of `getCurrentBalance`.
   */
  getBalance(input: { userId: string }, options?: CallOptions): Promise<Balance>;

  /**
   * What is recorded under a key: one strongly consistent read. `undefined` says that nothing is recorded
   * now. It does not say that an earlier request with this key whose outcome is unknown will not arrive any
   * more: to find out, call `createTransaction` again.
   *
   * @throws {@link BalanceError}, always as a rejection.
   */
  getTransaction(
    input: { idempotentKey: string },
    options?: CallOptions,
  ): Promise<Transaction | undefined>;

  /**
   * As `transact`, with exact amounts, and with an answer: what is recorded now. The same request again
   * (key, user, amount, type) resolves with the record of the first one and `replayed: true`. The key with
   * another user, amount or type is `IDEMPOTENT_KEY_REUSED`.
   *
   * @throws {@link BalanceError}, always as a rejection. `INSUFFICIENT_BALANCE` carries `available`.
   */
  createTransaction(
    input: CreateTransactionInput,
    options?: CallOptions,
  ): Promise<CreateTransactionResult>;

  /**
   * Several transactions, of one or several users, all or none: a transfer is a debit of one user and a
   * credit of another. They take effect one after the other, in the order of the list, so that a
   * debit may spend what a credit before it brought. The same list again resolves with what is recorded
   * and `replayed: true`; if some of its keys are recorded, or all by other requests, it is
   * `IDEMPOTENT_KEY_REUSED`.
   *
   * @throws {@link BalanceError}, always as a rejection, with `index` where it is about one of the
   * transactions. Nothing has moved then, of any of them, unless it is `OUTCOME_UNKNOWN`.
   */
  createTransactions(
    input: CreateTransactionsInput,
    options?: CallOptions,
  ): Promise<CreateTransactionsResult>;

  /**
   * Sets money aside: a debit that is given back unless it is captured. What `getBalance` tells as `held`
   * rises by as much as the balance falls.
   *
   * @throws {@link BalanceError}, always as a rejection. `INSUFFICIENT_BALANCE` carries `available`.
   */
  createHold(input: CreateHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Takes the money of an open hold for good: all of it, or less, and then the rest goes back in the same
   * instant, as a credit under the `idempotentKey` of this call. Of any number of captures and releases
   * of a hold one takes effect; the same call again is answered with what it has done.
   *
   * @throws {@link BalanceError}, always as a rejection: `HOLD_NOT_FOUND`, `HOLD_CAPTURED`,
   * `HOLD_RELEASED`, `HOLD_EXPIRED`, `HOLD_EXCEEDED`.
   */
  captureHold(input: CaptureHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Gives the money of an open hold back, as a credit under the `idempotentKey` of this call. An expired
   * hold can be released, too.
   *
   * @throws {@link BalanceError}, always as a rejection: `HOLD_NOT_FOUND`, `HOLD_CAPTURED`,
   * `HOLD_RELEASED`.
   */
  releaseHold(input: ReleaseHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Lists the open holds of a user, page by page. Needs the index that {@link BalanceClient.createTables}
   * makes with `holds: true`, and `dynamodb:Query` on it. Eventually consistent: what was opened or closed
   * a moment ago, usually less than a second, may be missing or still there.
   *
   * @throws {@link BalanceError} As `listTransactions`.
   */
  listHolds(input: ListHoldsInput, options?: CallOptions): Promise<HoldPage>;

  /**
   * Releases the open holds of all users that expired at least 10 seconds ago, each under its own key with
   * `/expired` behind it. It can run any number of times, several at once too. Call it on a schedule.
   * Needs the index that {@link BalanceClient.createTables} makes with `holds: true`, and `dynamodb:Scan`
   * on it; it reads all open holds.
   *
   * A hold that could not be released is reported, and does not keep the others from being released.
   *
   * @throws {@link BalanceError} if a page could not be read: what was released before stays released. Call
   * again.
   */
  releaseExpiredHolds(
    input?: ReleaseExpiredHoldsInput,
    options?: CallOptions,
  ): Promise<ReleaseExpiredHoldsResult>;

  /**
   * Lists the transactions of a user, page by page, newest first. Needs the index that
   * {@link BalanceClient.createTables} makes with `history: true`, and the permission
   * `dynamodb:Query` on it.
   *
   * Eventually consistent: a transaction appears a moment after it was confirmed, usually within a
   * second. `timestamp` is when its call began, so that it can appear behind newer ones, by as much as a
   * call may take.
   *
   * @throws {@link BalanceError} `INVALID_INPUT` and `INVALID_USER_ID` for a wrong field,
   * `INVALID_CURSOR`, `INDEX_NOT_FOUND` without the index or while it is being built,
   * `NOTHING_HAPPENED` past the deadline or when cancelled. Never `OUTCOME_UNKNOWN`.
   */
  listTransactions(input: ListTransactionsInput, options?: CallOptions): Promise<TransactionPage>;

  /**
   * All transactions that {@link BalanceClient.listTransactions} would list from there on, one by one:
   * `for await (const transaction of client.iterateTransactions({ userId }))`. `limit` is how many are
   * read at a time. A page is read when the one before is used up, within a deadline of its own; nothing
   * is read ahead. It can be left at any time.
   *
   * @throws {@link BalanceError} As `listTransactions`, always as a rejection of `next()`, also where
   * the input is wrong.
   */
  iterateTransactions(
    input: ListTransactionsInput,
    options?: CallOptions,
  ): AsyncIterableIterator<Transaction>;

  /**
   * What this client has done since it was made, and what it does now. Counting costs nothing worth
   * mentioning, and so does asking.
   */
  stats(): BalanceClientStatistics;

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
   * With `history: true` it also adds the index for {@link BalanceClient.listTransactions}, and with
   * `holds: true` the one for {@link BalanceClient.listHolds}, to an existing table too, and waits until it
   * can be used. DynamoDB adds all existing records to it, which
   * takes minutes or hours; money moves meanwhile. After an hour it rejects with `SERVICE_ERROR`; calling
   * again goes on waiting.
   *
   * @throws {@link BalanceError} `TABLE_MISMATCH` if an existing table has another key, or an index
   * `UserHistory` with other keys or without all attributes; `INVALID_OPTION`, with the option's name.
   */
  createTables(options?: CreateTablesOptions): Promise<void>;
}

/**
 * `await using client = new BalanceClient()` closes it at the end of the block, as {@link BalanceClient.close}
 * does: where TypeScript (`lib` with `esnext.disposable`) and the runtime have `Symbol.asyncDispose`.
 */
export interface BalanceClient
  extends Record<
    SymbolConstructor extends { readonly asyncDispose: infer AsyncDispose }
      ? AsyncDispose & symbol
      : never,
    () => Promise<void>
  > {}

/**
 * What a {@link BalanceClient} does for those who use balances: all but its making, its tables and its end.
 * For code that is handed a client, so that a test can hand it something else. A minor version may add
 * operations; `Pick` those that you use where that would be in the way.
 */
export type BalanceOperations = Pick<
  BalanceClient,
  | 'getCurrentBalance'
  | 'transact'
  | 'getBalance'
  | 'getTransaction'
  | 'createTransaction'
  | 'createTransactions'
  | 'createHold'
  | 'captureHold'
  | 'releaseHold'
  | 'listHolds'
  | 'releaseExpiredHolds'
  | 'listTransactions'
  | 'iterateTransactions'
>;

/** What a caller may want to treat differently. Stable: match on these. */
export type BalanceErrorCode =
  /**
   * Reading the input threw an error, which is the `cause`; or `from`, `to`, `order` or `limit` is
   * wrong, as the message says. Nothing was sent.
   */
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
   * `metadata` is no object of strings, or has more than 50 entries or 2,048 bytes of UTF-8. Nothing was
   * sent.
   */
  | 'INVALID_METADATA'
  /**
   * `transactions` is no array, is empty, needs more than 100 actions, or has a key twice. Nothing was
   * sent.
   */
  | 'INVALID_TRANSACTIONS'
  /**
   * `hold` is missing, empty, no string, longer than 2,048 bytes of UTF-8, or not well-formed Unicode.
   * Nothing was sent.
   */
  | 'INVALID_HOLD'
  /** `expiresAt` is no `Date`, or not between 1970 and 9999. Nothing was sent. */
  | 'INVALID_EXPIRES_AT'
  /**
   * The cursor is damaged, or was made for another `userId`, `order`, `from` or `to`. Nothing was
   * sent.
   */
  | 'INVALID_CURSOR'
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
  /** There is no hold under the key. Nothing moved; check the key. */
  | 'HOLD_NOT_FOUND'
  /** The hold was captured by a call with another key. Nothing moved. */
  | 'HOLD_CAPTURED'
  /** The hold was released by a call with another key: its money is back. Nothing moved. */
  | 'HOLD_RELEASED'
  /** The hold has expired and can only be released. Nothing moved. */
  | 'HOLD_EXPIRED'
  /** More was to be captured than the hold has. Nothing moved, and the hold is open still. */
  | 'HOLD_EXCEEDED'
  /** The stored balance, or `held`, is not a number: somebody else wrote it. Nothing moved; repair the item. */
  | 'CORRUPT_BALANCE'
  /** A table is missing; the message says which and how to make it. Nothing moved. */
  | 'TABLE_NOT_FOUND'
  /** From `createTables`: a table or its index exists with another key. Nothing was changed. */
  | 'TABLE_MISMATCH'
  /**
   * The history needs an index that is missing, or still being built; the message says how to add it.
   * Nothing happened.
   */
  | 'INDEX_NOT_FOUND'
  /** The credentials lack a permission; the message names it. Nothing moved. */
  | 'ACCESS_DENIED'
  /**
   * There are no credentials, or the credentials function failed for a reason that does not pass: its
   * error is the `cause`. Nothing moved.
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
  /**
   * With `INSUFFICIENT_BALANCE`: what could have been debited at that instant, a plain decimal, exact. In a
   * group: what those before it had left.
   */
  readonly available?: string;
  /** From `createTransactions`: which of the transactions it is about, from 0. */
  readonly index?: number;
  /** Where DynamoDB refused a request of the call: the last time it did. */
  readonly $metadata?: ErrorMetadata;

  /** For tests that need one; the package makes its own. */
  constructor(failure: {
    code: BalanceErrorCode;
    message: string;
    retryable: boolean;
    cause?: unknown;
    available?: string | undefined;
    index?: number | undefined;
    $metadata?: ErrorMetadata | undefined;
  });
}

/** How DynamoDB answered, by the names of the AWS SDK for JavaScript. */
export interface ErrorMetadata {
  /** By this AWS Support finds the request. */
  readonly requestId: string;
  /** The status of that answer. */
  readonly httpStatusCode: number;
  /** How many attempts of the call have ended. */
  readonly attempts: number;
}

/** An operation of {@link BalanceClient} that has a tracing channel. */
export type TracedOperation =
  | 'transact'
  | 'getCurrentBalance'
  | 'getBalance'
  | 'getTransaction'
  | 'createTransaction'
  | 'createTransactions'
  | 'createHold'
  | 'captureHold'
  | 'releaseHold'
  | 'listHolds'
  | 'releaseExpiredHolds'
  | 'listTransactions'
  | 'createTables';

/**
 * Attributes by the names that OpenTelemetry's semantic conventions have for them, ready for
 * `span.setAttributes`. None of them is about a user.
 */
export interface TraceAttributes {
  /** Always this. */
  'db.system.name': 'aws.dynamodb';
  /** Of an operation: its name here. Of a request: its name at DynamoDB, such as `TransactWriteItems`. */
  'db.operation.name': string;
  /** Which tables it is about. */
  'aws.dynamodb.table_names': string[];
  /** The table, if it is one alone. */
  'db.collection.name'?: string;
  /** How many calls a request carried, if there were several. */
  'db.operation.batch.size'?: number;
  /** Where the request went. Of an operation: once it has ended. */
  'server.address'?: string;
  /** The port there. */
  'server.port'?: number;
  /** The region. */
  'cloud.region'?: string;
  /** DynamoDB's name for the request: of an operation, for the last one that was answered. */
  'aws.request_id'?: string;
  /** The status of the answer to a request. */
  'http.response.status_code'?: number;
  /** How often a request had been sent before. */
  'http.request.resend_count'?: number;
  /**
   * Of an operation that failed: the `code` of its {@link BalanceError}. Of a request: DynamoDB's name for
   * the error, or `timeout`, `not_sent`, `connection_lost`, `unreadable_answer` or `foreign_answer`.
   */
  'error.type'?: string;
}

/**
 * What the channels `tracing:dynamodb-balance:transact:start` and their like publish: the same object with
 * every event of a call. A subscriber may keep things by it in a `WeakMap`.
 */
export interface OperationTrace {
  /** Which operation it is. */
  readonly operation: TracedOperation;
  /** What the caller handed over, by reference: it has users and amounts in it. */
  readonly input: unknown;
  /** For a span. */
  readonly attributes: TraceAttributes;
  /** How many attempts have carried it so far. 0 for `createTables`, which is not counted. */
  readonly attempts: number;
  /** At the end: how long it waited until its first request left, in milliseconds. */
  readonly waited?: number;
  /** At the end: how many calls travelled in the request that answered it. */
  readonly batchSize?: number;
  /** At the end: whether an earlier call had done it, and this one moved nothing. */
  readonly replayed?: boolean;
  /** At the end, if it succeeded. */
  readonly result?: unknown;
  /** At the end, if it failed. */
  readonly error?: BalanceError;
}

/** What the channel `dynamodb-balance:request` publishes when a request has ended. */
export interface RequestTrace {
  /** As DynamoDB calls it. */
  readonly operation: 'TransactWriteItems' | 'GetItem' | 'BatchGetItem' | 'Query' | 'Scan';
  /** Whose it was: those of the calls it carried that were traced when they began. */
  readonly calls: readonly OperationTrace[];
  /** How many calls it carried. */
  readonly batchSize: number;
  /** Which attempt it was, from 1, for the call that has had most. */
  readonly attempt: number;
  /** When it left, in milliseconds since 1970, with fractions. */
  readonly startTime: number;
  /** Until it was answered or given up, in milliseconds, with fractions. */
  readonly duration: number;
  /** For a span. */
  readonly attributes: TraceAttributes;
}
