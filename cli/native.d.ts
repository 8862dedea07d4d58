// The types of what the native core answers; its own declarations exist only once it is built.

import type { BalanceClientOptions, BalanceErrorCode } from '..';

export interface Failure {
  code: BalanceErrorCode;
  message: string;
  retryable: boolean;
}

export interface TableState {
  name: string;
  trouble?: Failure;
  warnings: Warning[];
  unchecked: Warning[];
  /** Of the table of transactions, if it is there: each that there can be. */
  indexes: IndexState[];
}

/** `status` is `ABSENT` or DynamoDB's word; `option` is what `tables create` calls it. */
export interface IndexState {
  index: string;
  option: 'history' | 'holds';
  status: string;
  isBackfilling: boolean;
  trouble?: Failure;
}

export interface Warning {
  code: string;
  message: string;
}

export interface AuditProgress {
  pass: number;
  read: number;
  total?: number;
}

export interface AuditReport {
  users: number;
  records: number;
  passes: number;
  /** What a user without a stored balance was taken to have. */
  defaultBalance: string;
  /** The default balance with which all users would add up who do not, if there is one. */
  fittingDefaultBalance?: string;
  mismatchCount: number;
  mismatches: { userId: string; balance?: string; expected: string; records: number }[];
  heldMismatchCount: number;
  heldMismatches: { userId: string; held?: string; expected: string; openHolds: number }[];
  negativeCount: number;
  negatives: { userId: string; balance: string }[];
  malformedCount: number;
  malformed: { table: 'balancesTable' | 'transactionsTable'; key: string; complaint: string }[];
  busyCount: number;
  busy: string[];
}

/** `onProgress` is told of an index that is being built. */
export function createTables(
  options: BalanceClientOptions,
  history: boolean,
  holds: boolean,
  onProgress: (state: IndexState) => void,
): Promise<void>;

export function checkTables(options: BalanceClientOptions): Promise<TableState[]>;

export function audit(
  options: BalanceClientOptions,
  onProgress: (progress: AuditProgress) => void,
): Promise<AuditReport>;
