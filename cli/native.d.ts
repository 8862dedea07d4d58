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

export function checkTables(options: BalanceClientOptions): Promise<TableState[]>;

export function readExactBalance(options: BalanceClientOptions, userId: string): Promise<string>;

export function audit(
  options: BalanceClientOptions,
  onProgress: (progress: AuditProgress) => void,
): Promise<AuditReport>;
