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
}

/** One fresh process; times in milliseconds. */
export interface StartUp {
  peer: 'package' | 'sdk' | 'bundle';
  protocol: 'http' | 'https';
  require: number;
  firstBalance: number;
}

/** One load on one peer in one round. */
export interface Measurement extends Omit<Cell, 'peers'> {
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
  /** What the model counted while the load ran. */
  counted?: Counted;
  audit?: Audit;
}

export interface Counted {
  requests: number;
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
