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
  /** Of the table of transactions, if it is there. */
  history?: HistoryIndexState;
}

/** The index that the history is read from; `status` is `ABSENT` or DynamoDB's word. */
export interface HistoryIndexState {
  index: string;
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
  mismatchCount: number;
  mismatches: { userId: string; balance?: string; expected: string; records: number }[];
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
  onProgress: (state: HistoryIndexState) => void,
): Promise<void>;

export function checkTables(options: BalanceClientOptions): Promise<TableState[]>;

export function audit(
  options: BalanceClientOptions,
  onProgress: (progress: AuditProgress) => void,
): Promise<AuditReport>;
