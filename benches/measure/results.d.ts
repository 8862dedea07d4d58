import type { Cell } from './grid.mjs';

/** What a run found, as it is kept next to the report. */
export interface Results {
  date: string;
  minutes: number;
  rounds: number;
  machine: {
    processor: string;
    cores: number;
    memoryGiB: number;
    system: string;
    node: string;
    rust: string;
    sdk: string;
    loadBefore: number;
  };
  /** In bytes. */
  sizes: { package: number; sdk: number; bundle: number };
  startUp: StartUp[];
  measurements: Measurement[];
  waiting: Waiting[];
}

/** One fresh process; times in milliseconds. */
export interface StartUp {
  peer: 'package' | 'sdk' | 'bundle';
  protocol: 'http' | 'https';
  require: number;
  firstBalance: number;
}

/** One load on one peer in one round. */
export interface Measurement extends Omit<Cell, 'peers' | 'warmUp' | 'duration'> {
  peer: Cell['peers'][number];
  round: number;
  calls: number;
  seconds: number;
  cpuMicroseconds: number;
  /** In milliseconds. */
  p50: number;
  p99: number;
  /** Resident, in bytes. */
  memory?: number;
  /** If there is more than one. */
  callsOfProcesses?: number[];
  /** Of what is drawn: when calls are due. */
  seed?: number;
  /** What the model counted while the load ran. */
  counted?: Counted;
  audit?: Audit;
}

/** Calls of this package that are not answered, of many users. */
export interface Waiting {
  operation: 'read' | 'transact';
  round: number;
  /** Resident memory. */
  bytesPerCall: number;
}

export interface Counted {
  requests: number;
  /** Transactions that arrived, whatever became of them. */
  attempts: number;
  committed: number;
  records: number;
  conflicts: number;
  throttled: number;
  writeUnits: number;
  readUnits: number;
  itemsRead: number;
}

export interface Audit {
  users: number;
  records: number;
  wrong: number;
  difference: string;
}
