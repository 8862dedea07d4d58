/**
 * User balances on DynamoDB that stay correct when calls run concurrently, are retried, or are interrupted by a crash.
 *
 * @packageDocumentation
 * @module dynamodb-balance
 */

/** The input of {@link getCurrentBalance}. */
export interface GetCurrentBalanceInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
}

/** The input of {@link transact}. */
export interface TransactInput {
  /**
   * The idempotency key of this transaction: 1 to 2,048 bytes of UTF-8, unique among all users. The same key
   * never moves money twice; concurrent calls with the same key share a request.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /**
   * The amount: greater than 0 and from 1e-130 to below 1e126, the range of a DynamoDB number. Stored and
   * added as the shortest decimal that reads back as this number: 0.1 is 0.1.
   */
  amount: number;
  /** `credit` adds money to the balance, `debit` takes it from the balance. */
  type: 'credit' | 'debit';
}

/**
 * Reads the balance of a user, strongly consistent: you read your own writes. Creates nothing.
 *
 * Uses a {@link BalanceClient} that is created from the environment on first use.
 *
 * @returns The balance, or 100 if the user has none yet. A balance with more digits than a
 * JavaScript number can hold (about 17) is rounded to the nearest one; the stored balance stays exact.
 * @throws {@link BalanceError}, always as a rejection.
 */
export function getCurrentBalance(input: { userId: string }): Promise<number>;

/**
 * Credits or debits a user once per `idempotentKey`: one DynamoDB transaction writes the record and changes the
 * balance, both or neither. A user without a balance starts with 100.
 *
 * Uses a {@link BalanceClient} that is created from the environment on first use.
 *
 * @throws {@link BalanceError}, always as a rejection. If a call is both a duplicate and not covered by the balance, it
 * is reported as a duplicate. A refused debit does not use up its key.
 */
export function transact(input: {
  idempotentKey: string;
  userId: string;
  amount: number;
  type: 'credit' | 'debit';
}): Promise<void>;

/**
 * An amount: greater than 0, with at most 38 digits, from 1e-130 to below 1e126. A string is a plain decimal
 * such as `'0.000000000000000001'`, exact to the last digit. A number stands for the shortest decimal that reads back
 * as the same number.
 */
export type Amount = number | bigint | string;

/** The input of {@link BalanceClient.createTransaction}. */
export interface CreateTransactionInput {
  /**
   * The idempotency key of this transaction: 1 to 2,048 bytes of UTF-8, unique among all users. If you repeat the same
   * request, it moves nothing and returns the record.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** The amount. */
  amount: Amount;
  /** `credit` adds money to the balance, `debit` takes it from the balance. */
  type: 'credit' | 'debit';
  /**
   * Your own notes, stored with the record: at most 50 entries, 2,048 bytes of UTF-8 in total. A replay does not
   * compare them, and returns the stored ones.
   */
  metadata?: Record<string, string> | undefined;
}

/** A recorded transaction. */
export interface Transaction {
  /** Its idempotency key. */
  idempotentKey: string;
  /** The account. */
  userId: string;
  /** The amount: a plain decimal with all of its digits and no exponent, such as `'30.1'`. */
  amount: string;
  /** Whether money was added or taken. */
  type: 'credit' | 'debit';
  /** When its call began: ISO 8601 in UTC with milliseconds, such as `'2024-05-06T07:08:09.010Z'`. */
  timestamp: string;
  /** The metadata that the caller stored with it. */
  metadata?: Record<string, string>;
  /** Only holds: whether the money is still reserved, was captured, or was given back. */
  holdState?: 'open' | 'captured' | 'released';
  /** Only holds that expire: the time from which on the hold can no longer be captured. */
  expiresAt?: string;
  /** Only captured holds: the captured amount. */
  capturedAmount?: string;
  /** Only closed holds: the `idempotentKey` of the call that closed the hold. */
  closedBy?: string;
  /** Only credits that gave back money of a hold: the key of that hold. */
  hold?: string;
  /**
   * Only records that this package would not have written: what is wrong. Such a record is returned as far as it can be
   * read: `amount` and `type` are the stored text, or empty, and `metadata` contains only the strings.
   */
  malformed?: string;
}

/** The result of {@link BalanceClient.createTransaction}. */
export interface CreateTransactionResult {
  /** The record under the key. */
  transaction: Transaction;
  /** Whether an earlier call recorded it, and this call moved nothing. */
  replayed: boolean;
}

/** The input of {@link BalanceClient.createTransactions}. */
export interface CreateTransactionsInput {
  /**
   * All of them take effect, one after the other, or none does. At most 100 actions, one for each transaction and one
   * for each user. So at most 99 transactions of one user, or 50 transactions of 50 users.
   */
  transactions: readonly CreateTransactionInput[];
}

/** The result of {@link BalanceClient.createTransactions}. */
export interface CreateTransactionsResult {
  /** In the order of the input. */
  transactions: Transaction[];
  /** Whether an earlier call recorded them, and this call moved nothing. */
  replayed: boolean;
}

/** The balance of a user. */
export interface Balance {
  /** The account. */
  userId: string;
  /** The available balance: a plain decimal, exact. The default balance if none is stored. */
  balance: string;
  /** The sum of the open holds: a plain decimal, exact. It is not part of `balance`. */
  held: string;
  /** Whether the user has an item in the table of balances. */
  exists: boolean;
}

/** AWS credentials, in the format of the credential providers of the AWS SDK for JavaScript. */
export interface Credentials {
  /** The public half, such as `AKIA…` or `ASIA…`. */
  accessKeyId: string;
  /** The secret half. Never part of a message, a cause or debug output. */
  secretAccessKey: string;
  /** Comes with temporary credentials. */
  sessionToken?: string | undefined;
  /**
   * The credentials are not used after this time. A function is called for new ones some minutes before. Without an
   * expiration, they are kept until DynamoDB rejects them.
   */
  expiration?: Date | undefined;
}

/** The argument of a credentials function, the same as for providers of the AWS SDK for JavaScript. */
export interface CredentialsContext {
  /** The client that needs credentials. */
  callerClientConfig: {
    /** Its region. A provider can use it to call STS, for example. */
    region: () => Promise<string>;
    /** Its option `profile`. Absent if the option was not set. */
    profile?: string;
  };
}

/** The options of a {@link BalanceClient}. All of them are optional. */
export interface BalanceClientOptions {
  /** The AWS region. Default: from the AWS chain (`AWS_REGION`, profile, …), or us-east-1. */
  region?: string | undefined;
  /**
   * The URL of DynamoDB, such as `http://localhost:8000` or a `URL`, without user and password.
   * Default: from the AWS chain (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, profile), or the endpoint of the
   * region.
   */
  endpoint?: string | URL | undefined;
  /**
   * A profile of the AWS configuration files, which must exist. A profile that is set here or by `AWS_PROFILE` takes
   * precedence over keys in the environment. Default: `AWS_PROFILE`, or `default`.
   */
  profile?: string | undefined;
  /**
   * Credentials, or an async function that returns them, such as the providers of
   * `@aws-sdk/credential-providers`. The function is called again some minutes before the credentials expire, and when
   * DynamoDB rejects them. It may take as long as the call.
   *
   * If the function fails, the call rejects with `NO_CREDENTIALS`. If its error, or a `cause` of it, is temporary, the
   * function is called again until the deadline, and then the call rejects with `NOTHING_HAPPENED`. These errors are
   * temporary: network errors of Node (`ECONNREFUSED`, `ENOTFOUND`, …), errors of the AWS SDK about throttling, a timeout
   * or a failing service, and any error with `retryable: true`.
   *
   * Default: the AWS chain (environment, profile, SSO, web identity, ECS, EC2 metadata).
   */
  credentials?: Credentials | ((context: CredentialsContext) => Promise<Credentials>) | undefined;
  /** The name or ARN of the table of balances. Default: `UserBalances`. */
  balancesTable?: string | undefined;
  /** The name or ARN of the table of transactions. Default: `Transactions`. */
  transactionsTable?: string | undefined;
  /** The balance of a user without a stored balance: 0 or more. Default: 100. */
  defaultBalance?: number | undefined;
  /**
   * Whether reads are strongly consistent. With `false`, a read costs half as much and may be older than your last
   * transaction. Default: true.
   */
  consistentRead?: boolean | undefined;
  /** The time limit for connecting, in milliseconds, 1 to 300,000. Default: 2,000. */
  connectTimeout?: number | undefined;
  /**
   * The time limit for one attempt, in milliseconds, 1 to 300,000. After that, the attempt counts as unanswered and is
   * repeated. Default: 5,000.
   */
  attemptTimeout?: number | undefined;
  /**
   * The time limit for a call with all its attempts, in milliseconds, 1 to 300,000. Default: 25,000, which leaves a
   * request handler behind API Gateway (29 seconds) time to answer.
   */
  callTimeout?: number | undefined;
  /**
   * Text for the user agent of each request, after the name of this package, such as `shop/1.2`: up to 256 visible ASCII
   * characters and spaces. AWS logs it.
   */
  customUserAgent?: string | undefined;
}

/** The options of a single call. */
export interface CallOptions {
  /**
   * Ends the call early, like its deadline. A request that was not sent is withdrawn, and the call rejects with
   * `NOTHING_HAPPENED`. If the request may have been sent, a transaction rejects with `OUTCOME_UNKNOWN`. The signal's
   * reason becomes the `cause`. Any number of calls may share a signal.
   */
  signal?: AbortSignal | undefined;
}

/** The numbers of {@link BalanceClient.stats}. Each number is correct, but two numbers may be from different instants. */
export interface BalanceClientStatistics {
  /** Calls that were accepted and are not answered yet, at most 65,536. */
  heldCalls: number;
  /** Those of them that are not part of a request at the moment: they wait in a queue, or pause before a retry. */
  waitingCalls: number;
  /** Requests for transactions and for reads that are in flight. Listings are not counted. */
  requestsInFlight: number;
  /** Attempts of such requests so far, including those that ended epochs. */
  attempts: number;
  /** Requests that took effect. */
  committedRequests: number;
  /** Calls in these requests. Divided by `committedRequests`, this is the average batch size. */
  committedCalls: number;
  /** Attempts that conflicted with another transaction on the same items, and are repeated. */
  conflicts: number;
  /** Attempts that DynamoDB throttled, and that are repeated. */
  throttled: number;
  /** Attempts without an answer, or with an answer of a failing service, that are repeated. */
  unanswered: number;
  /** Attempts that could not be sent, or whose signature was out of date, and that are repeated. */
  notTaken: number;
  /** Epochs that were ended so that a late request cannot take effect. */
  endedEpochs: number;
}

/** The input of {@link BalanceClient.createHold}. */
export interface CreateHoldInput {
  /**
   * The idempotency key of this hold: 1 to 2,040 bytes of UTF-8, unique among all transactions. If you repeat the same
   * request, it moves nothing and returns the record; `expiresAt` and `metadata` are not compared.
   */
  idempotentKey: string;
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** The amount to reserve. */
  amount: Amount;
  /**
   * The time from which on the hold can no longer be captured. The money goes back to the balance when the hold is
   * released, for example by {@link BalanceClient.releaseExpiredHolds}. Default: the hold does not expire.
   */
  expiresAt?: Date | undefined;
  /** Like {@link CreateTransactionInput.metadata}. */
  metadata?: Record<string, string> | undefined;
}

/** The input of {@link BalanceClient.captureHold}. */
export interface CaptureHoldInput {
  /** The idempotency key of this capture. It is not the key of the hold. */
  idempotentKey: string;
  /** The `idempotentKey` of the hold. */
  hold: string;
  /** The amount to capture, at most the amount of the hold; the rest goes back. Default: the whole hold. */
  amount?: Amount | undefined;
}

/** The input of {@link BalanceClient.releaseHold}. */
export interface ReleaseHoldInput {
  /** The idempotency key of this release. It is not the key of the hold. */
  idempotentKey: string;
  /** The `idempotentKey` of the hold. */
  hold: string;
}

/** The record of a hold: a debit that can be given back until it is captured. It always has `holdState`. */
export type Hold = Transaction & {
  /** A hold is a debit. */
  type: 'debit';
  /** Whether the money is still reserved, was captured, or was given back. */
  holdState: 'open' | 'captured' | 'released';
};

/** The result of a call about one hold. */
export interface HoldResult {
  /** The hold as it is now. */
  hold: Hold;
  /** Whether an earlier call with this key did it, and this call changed nothing. */
  replayed: boolean;
}

/** The input of {@link BalanceClient.listHolds}. */
export interface ListHoldsInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** The maximum number of holds on a page, 1 to 1,000. Default: 100. */
  limit?: number | undefined;
  /** The `cursor` of the previous page, unchanged. Default: the first page. */
  cursor?: string | undefined;
}

/** A page of the open holds of a user. */
export interface HoldPage {
  /** Sorted by expiry: holds that expire first come first, holds that do not expire come last. */
  holds: Hold[];
  /** Leads to the next page. Absent on the last page. */
  cursor?: string;
}

/** The input of {@link BalanceClient.releaseExpiredHolds}. */
export interface ReleaseExpiredHoldsInput {
  /** Called after each page of holds and after each hold, with the numbers so far. */
  onProgress?: ((progress: { released: number; failed: number }) => void) | undefined;
}

/** The result of {@link BalanceClient.releaseExpiredHolds}. */
export interface ReleaseExpiredHoldsResult {
  /** The number of holds that this call released. */
  released: number;
  /** Expired holds that could not be released. */
  failures: HoldFailure[];
}

/** A hold that could not be released. */
export interface HoldFailure {
  /** The `idempotentKey` of the hold. */
  hold: string;
  /** The reason. */
  error: BalanceError;
}

/** The options of {@link BalanceClient.createTables}. */
export interface CreateTablesOptions {
  /**
   * Whether the table of transactions gets the index `UserHistory` (partition key `userId`, sort key
   * `timestamp`, all attributes), which {@link BalanceClient.listTransactions} reads. With the index, each transaction
   * costs one more write unit, and one account is limited to about 1,000 transactions per second. With `false`, an
   * existing index is not changed. Default: false.
   */
  history?: boolean | undefined;
  /**
   * Whether the table of transactions gets the index `OpenHolds` (partition key `userId`, sort key
   * `openUntil`, all attributes), which {@link BalanceClient.listHolds} and
   * {@link BalanceClient.releaseExpiredHolds} read. It contains only open holds: opening a hold and closing it cost one
   * more write unit each, and nothing else costs more. Default: false.
   */
  holds?: boolean | undefined;
}

/** The input of {@link BalanceClient.listTransactions}. */
export interface ListTransactionsInput {
  /** The account: 1 to 2,048 bytes of UTF-8. */
  userId: string;
  /** Only transactions at or after this instant (inclusive). Default: from the first one. */
  from?: Date | undefined;
  /** Only transactions before this instant (exclusive). Default: up to the last one. */
  to?: Date | undefined;
  /**
   * Which transactions come first, by `timestamp`. Transactions with the same millisecond are in no particular order.
   * Default: `'newest'`.
   */
  order?: 'newest' | 'oldest' | undefined;
  /** The maximum number of transactions on a page, 1 to 1,000. Default: 100. */
  limit?: number | undefined;
  /**
   * The `cursor` of the previous page, unchanged. It is bound to `userId`, `order`, `from` and `to`, which must stay the
   * same; `limit` may change. Default: the first page.
   */
  cursor?: string | undefined;
}

/** A page of the history of a user. */
export interface TransactionPage {
  /** In the requested order: at most `limit`, and fewer if the records are very large. */
  transactions: Transaction[];
  /** Leads to the next page, and fits into a URL. Absent on the last page. */
  cursor?: string;
}

/**
 * The two functions with your own region, endpoint, credentials, tables, default balance or
 * deadlines. Create a client once and reuse it, because it holds the connections. It does not keep the process alive.
 *
 * Limits: 64 to 512 transactions, as many as bring answers, and 8 reads are in flight at once; further calls wait and are batched. A client can have 65,536
 * pending calls, and 16,384 per user; further calls are refused with `TOO_MANY_CALLS`.
 */
export class BalanceClient {
  /**
   * @throws {@link BalanceError} `INVALID_OPTION`, with the option's name. Nothing is sent: errors that only DynamoDB can
   * detect are reported by the first call.
   */
  constructor(options?: BalanceClientOptions);

  /** Like {@link getCurrentBalance}, with this client's options. */
  getCurrentBalance(input: GetCurrentBalanceInput, options?: CallOptions): Promise<number>;

  /** Like {@link transact}, with this client's options. */
  transact(input: TransactInput, options?: CallOptions): Promise<void>;

  /**
   * Returns the exact balance of a user. One strongly consistent read, which creates nothing.
   *
   * @throws {@link BalanceError}, always as a rejection, with the codes of `getCurrentBalance`.
   */
  getBalance(input: { userId: string }, options?: CallOptions): Promise<Balance>;

  /**
   * Returns the record under a key: one strongly consistent read. `undefined` means that nothing is recorded now. It does
   * not mean that an earlier request with this key and an unknown outcome can no longer arrive. To find out, call
   * `createTransaction` again.
   *
   * @throws {@link BalanceError}, always as a rejection.
   */
  getTransaction(
    input: { idempotentKey: string },
    options?: CallOptions,
  ): Promise<Transaction | undefined>;

  /**
   * Like `transact`, but with exact amounts, and it returns the record. If you repeat the same request (key, user, amount,
   * type), it resolves with the record of the first request and `replayed: true`. The same key with another user, amount or
   * type is rejected with `IDEMPOTENT_KEY_REUSED`.
   *
   * @throws {@link BalanceError}, always as a rejection. `INSUFFICIENT_BALANCE` has `available`.
   */
  createTransaction(
    input: CreateTransactionInput,
    options?: CallOptions,
  ): Promise<CreateTransactionResult>;

  /**
   * Makes several transactions of one or several users, all or none: a transfer is a debit of one user and a credit of
   * another. They take effect one after the other, in the order of the list, so a debit can spend the money of an earlier
   * credit. If you repeat the same list, it resolves with the records and `replayed: true`. If only some of its keys are
   * recorded, or if other requests recorded all of them, it is rejected with `IDEMPOTENT_KEY_REUSED`.
   *
   * @throws {@link BalanceError}, always as a rejection, with `index` if one of the transactions caused it. Nothing in the
   * list has moved then, unless the code is `OUTCOME_UNKNOWN`.
   */
  createTransactions(
    input: CreateTransactionsInput,
    options?: CallOptions,
  ): Promise<CreateTransactionsResult>;

  /**
   * Reserves money: a debit that is given back unless it is captured. The `held` amount of `getBalance` rises by as much
   * as the balance falls.
   *
   * @throws {@link BalanceError}, always as a rejection. `INSUFFICIENT_BALANCE` has `available`.
   */
  createHold(input: CreateHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Takes the money of an open hold permanently: all of it, or a part. The rest goes back in the same transaction, as a
   * credit under the `idempotentKey` of this call. Of all captures and releases of a hold, exactly one takes effect. If you
   * repeat the same call, it returns its first result.
   *
   * @throws {@link BalanceError}, always as a rejection: `HOLD_NOT_FOUND`, `HOLD_CAPTURED`,
   * `HOLD_RELEASED`, `HOLD_EXPIRED`, `HOLD_EXCEEDED`.
   */
  captureHold(input: CaptureHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Gives back the money of an open hold, as a credit under the `idempotentKey` of this call. An expired hold can be
   * released, too.
   *
   * @throws {@link BalanceError}, always as a rejection: `HOLD_NOT_FOUND`, `HOLD_CAPTURED`,
   * `HOLD_RELEASED`.
   */
  releaseHold(input: ReleaseHoldInput, options?: CallOptions): Promise<HoldResult>;

  /**
   * Lists the open holds of a user, page by page. Needs the index that {@link BalanceClient.createTables} creates with
   * `holds: true`, and `dynamodb:Query` on it. Eventually consistent: a hold that was opened a moment ago (usually less than
   * a second) may be missing, and a hold that was closed a moment ago may still be listed.
   *
   * @throws {@link BalanceError} Like `listTransactions`.
   */
  listHolds(input: ListHoldsInput, options?: CallOptions): Promise<HoldPage>;

  /**
   * Releases the open holds of all users that expired at least 10 seconds ago. The key of each release is the key of the
   * hold followed by `/expired`. It can run repeatedly, and several times at once. Call it on a schedule. Needs the index
   * that {@link BalanceClient.createTables} creates with `holds: true`, and `dynamodb:Scan` on it. It reads all open holds.
   *
   * A hold that could not be released is reported, and does not prevent the release of the others.
   *
   * @throws {@link BalanceError} if a page could not be read. Holds that were released before stay released. Call again.
   */
  releaseExpiredHolds(
    input?: ReleaseExpiredHoldsInput,
    options?: CallOptions,
  ): Promise<ReleaseExpiredHoldsResult>;

  /**
   * Lists the transactions of a user, page by page, newest first. Needs the index that
   * {@link BalanceClient.createTables} creates with `history: true`, and the permission
   * `dynamodb:Query` on it.
   *
   * Eventually consistent: a transaction appears a moment after it was confirmed, usually within a second. `timestamp` is
   * the time at which the call began, so a transaction can appear after newer ones, by up to the time limit of a call.
   *
   * @throws {@link BalanceError} `INVALID_INPUT` and `INVALID_USER_ID` for a wrong field,
   * `INVALID_CURSOR`, `INDEX_NOT_FOUND` without the index or while it is being built,
   * `NOTHING_HAPPENED` after the deadline or when cancelled. Never `OUTCOME_UNKNOWN`.
   */
  listTransactions(input: ListTransactionsInput, options?: CallOptions): Promise<TransactionPage>;

  /**
   * Iterates over all transactions that {@link BalanceClient.listTransactions} would list from there on, one by one:
   * `for await (const transaction of client.iterateTransactions({ userId }))`. `limit` is the number of transactions on a
   * page. The next page is read when the previous one is used up, and has its own deadline; nothing is read ahead. You can
   * stop the iteration at any time.
   *
   * @throws {@link BalanceError} Like `listTransactions`, always as a rejection of `next()`, even if the input is wrong.
   */
  iterateTransactions(
    input: ListTransactionsInput,
    options?: CallOptions,
  ): AsyncIterableIterator<Transaction>;

  /**
   * What this client has done since it was created, and what it is doing now. The cost of counting and of this method is
   * negligible.
   */
  stats(): BalanceClientStatistics;

  /**
   * From now on, new calls and `createTables` are refused with `CLIENT_CLOSED`. Resolves when all earlier calls are
   * answered, each by its own deadline.
   */
  close(): Promise<void>;

  /**
   * Creates the tables that are missing, with on-demand billing, and returns when both can be used, within 120 seconds.
   * Existing tables are not changed. Calls that are made meanwhile wait for the tables, each until its own deadline.
   *
   * With `history: true`, it also adds the index for {@link BalanceClient.listTransactions}, and with `holds: true` the
   * index for {@link BalanceClient.listHolds}, to an existing table too, and waits until it can be used. DynamoDB adds all
   * existing records to the index, which takes minutes or hours. Transactions continue to work meanwhile. After an hour,
   * it rejects with `SERVICE_ERROR`; call again to continue waiting.
   *
   * @throws {@link BalanceError} `TABLE_MISMATCH` if an existing table has another key, or an index
   * `UserHistory` with other keys or without all attributes; `INVALID_OPTION`, with the option's name.
   */
  createTables(options?: CreateTablesOptions): Promise<void>;
}

/**
 * `await using client = new BalanceClient()` closes the client at the end of the block, like {@link BalanceClient.close},
 * if TypeScript (`lib` with `esnext.disposable`) and the runtime have `Symbol.asyncDispose`.
 */
export interface BalanceClient
  extends Record<
    SymbolConstructor extends { readonly asyncDispose: infer AsyncDispose }
      ? AsyncDispose & symbol
      : never,
    () => Promise<void>
  > {}

/**
 * The operations of a {@link BalanceClient} on balances: everything except the constructor, `createTables` and `close`.
 * Use it as the type of a parameter for a client, so that a test can pass something else. A minor version may add
 * operations. If that is a problem for your stubs, `Pick` the operations that you use.
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

/** The codes are stable: match on them. */
export type BalanceErrorCode =
  /**
   * Reading the input threw an error, which is the `cause`; or `from`, `to`, `order` or `limit` is
   * wrong, as the message says. Nothing was sent.
   */
  | 'INVALID_INPUT'
  /**
   * `idempotentKey` is missing, empty, not a string, longer than 2,048 bytes of UTF-8, or not well-formed
   * Unicode. Nothing was sent.
   */
  | 'INVALID_IDEMPOTENT_KEY'
  /**
   * `userId` is missing, empty, not a string, longer than 2,048 bytes of UTF-8, or not well-formed
   * Unicode. Nothing was sent.
   */
  | 'INVALID_USER_ID'
  /** `amount` is missing, not a finite number, or not greater than 0. Nothing was sent. */
  | 'INVALID_AMOUNT'
  /** `type` is neither `'credit'` nor `'debit'`. Nothing was sent. */
  | 'INVALID_TYPE'
  /**
   * `metadata` is not an object of strings, or has more than 50 entries or 2,048 bytes of UTF-8. Nothing was
   * sent.
   */
  | 'INVALID_METADATA'
  /**
   * `transactions` is not an array, is empty, needs more than 100 actions, or has the same key twice. Nothing was
   * sent.
   */
  | 'INVALID_TRANSACTIONS'
  /**
   * `hold` is missing, empty, not a string, longer than 2,048 bytes of UTF-8, or not well-formed Unicode.
   * Nothing was sent.
   */
  | 'INVALID_HOLD'
  /** `expiresAt` is not a `Date`, or not between 1970 and 9999. Nothing was sent. */
  | 'INVALID_EXPIRES_AT'
  /**
   * The cursor is damaged, or was made for another `userId`, `order`, `from` or `to`. Nothing was
   * sent.
   */
  | 'INVALID_CURSOR'
  /**
   * An option, or a setting in the environment, is wrong or misspelled; the message names it. Nothing
   * was sent.
   */
  | 'INVALID_OPTION'
  /**
   * DynamoDB's numbers (38 digits, 1e-130 to 9.9…e+125) cannot hold the amount, or the new balance.
   * Nothing moved.
   */
  | 'AMOUNT_OUT_OF_RANGE'
  /** This very request was recorded before: treat it as done. This call moved nothing. */
  | 'DUPLICATE_TRANSACTION'
  /**
   * The key was recorded for another user, amount or type: a bug in the caller. This call moved
   * nothing.
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
  /** The capture asked for more than the hold has. Nothing moved, and the hold is still open. */
  | 'HOLD_EXCEEDED'
  /** The stored balance, or `held`, is not a number: another program wrote it. Nothing moved; repair the item. */
  | 'CORRUPT_BALANCE'
  /** A table is missing; the message says which one, and how to create it. Nothing moved. */
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
   * There are no credentials, or the credentials function failed with an error that is not temporary: this
   * error is the `cause`. Nothing moved.
   */
  | 'NO_CREDENTIALS'
  /**
   * DynamoDB rejects the credentials: expired, unknown, or of another region. If their source can provide new ones, they
   * were requested once. A wrong clock was corrected. Nothing moved.
   */
  | 'CREDENTIALS_REJECTED'
  /**
   * Retryable. The deadline passed, or the call was cancelled. This call moved no money and will not move any. Call again.
   * It does not settle an `OUTCOME_UNKNOWN` that another process received for the same key.
   */
  | 'NOTHING_HAPPENED'
  /**
   * Retryable. The deadline passed, or the call was cancelled. Its request, or the request of an earlier call with its key,
   * may have been sent without an answer: money may have moved. Call again with the same key; it cannot be applied twice. A
   * refusal from the client that returned this error is final. A refusal from another process or client is final only
   * against credits that begin later than 5 seconds plus the difference between the clocks after this error was returned.
   * After 15 minutes, it is always final.
   */
  | 'OUTCOME_UNKNOWN'
  /**
   * Retryable. The client already has 65,536 pending calls, or 16,384 of this user. Nothing moved; slow down and call
   * again.
   */
  | 'TOO_MANY_CALLS'
  /** `close` was called on this client before. Nothing moved. */
  | 'CLIENT_CLOSED'
  /** DynamoDB refused the request for another reason; the message says which. Nothing moved. */
  | 'SERVICE_ERROR'
  /** A bug in this package; the message says whether money may have moved. */
  | 'INTERNAL_ERROR';

/** The class of all rejections of this package. */
export class BalanceError extends Error {
  /** Always `BalanceError`. */
  readonly name: 'BalanceError';
  /** Stable: match on the code rather than on the message. */
  readonly code: BalanceErrorCode;
  /** Whether the same call, with the same key, may succeed if it is repeated unchanged. */
  readonly retryable: boolean;
  /** The underlying error, if there is one. */
  readonly cause?: unknown;
  /**
   * With `INSUFFICIENT_BALANCE`: the available balance at that instant, a plain decimal, exact. In a group: what the
   * transactions before it had left.
   */
  readonly available?: string;
  /** From `createTransactions`: the index of the transaction that caused the error, starting at 0. */
  readonly index?: number;
  /** About the last refusal, if DynamoDB refused a request of the call. */
  readonly $metadata?: ErrorMetadata;

  /** For tests that need an error; the package creates its own. */
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

/** The answer of DynamoDB, with the names of the AWS SDK for JavaScript. */
export interface ErrorMetadata {
  /** AWS Support finds the request by this id. */
  readonly requestId: string;
  /** The status of that answer. */
  readonly httpStatusCode: number;
  /** The number of attempts of the call that have ended. */
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
 * Attributes with the names of OpenTelemetry's semantic conventions, ready for `span.setAttributes`. They contain nothing
 * about a user.
 */
export interface TraceAttributes {
  /** Always this value. */
  'db.system.name': 'aws.dynamodb';
  /** Of an operation: its name here. Of a request: its name at DynamoDB, such as `TransactWriteItems`. */
  'db.operation.name': string;
  /** The tables that it uses. */
  'aws.dynamodb.table_names': string[];
  /** The table, if there is only one. */
  'db.collection.name'?: string;
  /** The number of calls in a request, if there were several. */
  'db.operation.batch.size'?: number;
  /** The address to which the request was sent. Of an operation: once it has ended. */
  'server.address'?: string;
  /** The port there. */
  'server.port'?: number;
  /** The region. */
  'cloud.region'?: string;
  /** DynamoDB's id of the request; of an operation, the id of the last request that was answered. */
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
 * The message of `tracing:dynamodb-balance:transact:start` and similar channels: the same object for every event of a
 * call. A subscriber can use it as a key in a `WeakMap`.
 */
export interface OperationTrace {
  /** The operation. */
  readonly operation: TracedOperation;
  /** The input of the caller, by reference: it contains users and amounts. */
  readonly input: unknown;
  /** For a span. */
  readonly attributes: TraceAttributes;
  /** The number of attempts so far. 0 for `createTables`, whose attempts are not counted. */
  readonly attempts: number;
  /** At the end: the time until its first request was sent, in milliseconds. */
  readonly waited?: number;
  /** At the end: the number of calls in the request that answered it. */
  readonly batchSize?: number;
  /** At the end: whether an earlier call had done it, and this call moved nothing. */
  readonly replayed?: boolean;
  /** At the end, if it succeeded. */
  readonly result?: unknown;
  /** At the end, if it failed. */
  readonly error?: BalanceError;
}

/** The message of the channel `dynamodb-balance:request` when a request has ended. */
export interface RequestTrace {
  /** The operation of DynamoDB. */
  readonly operation: 'TransactWriteItems' | 'GetItem' | 'BatchGetItem' | 'Query' | 'Scan';
  /** The traces of its calls, if they were traced when they began. */
  readonly calls: readonly OperationTrace[];
  /** The number of calls in the request. */
  readonly batchSize: number;
  /** The number of the attempt, starting at 1, for the call with the most attempts. */
  readonly attempt: number;
  /** When it was sent, in milliseconds since 1970, with fractions. */
  readonly startTime: number;
  /** The time until it was answered or abandoned, in milliseconds, with fractions. */
  readonly duration: number;
  /** For a span. */
  readonly attributes: TraceAttributes;
}
