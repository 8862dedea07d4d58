// Medians over the rounds of a run.

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('../measure/results.d.ts').Measurement} Measurement */
/** @typedef {import('../measure/results.d.ts').StartUp} StartUp */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) {
    throw new Error('no values, no median');
  }
  return sorted.length % 2 === 1 ? upper : (upper + Number(sorted[middle - 1])) / 2;
}

/** What a measurement is asked for, each a figure of its own. */
export const figures = {
  cpuPerCall: (/** @type {Measurement} */ { cpuMicroseconds, calls }) => cpuMicroseconds / calls,
  perSecond: (/** @type {Measurement} */ { calls, seconds }) => calls / seconds,
  p50: (/** @type {Measurement} */ { p50 }) => p50,
  p99: (/** @type {Measurement} */ { p99 }) => p99,
  memory: (/** @type {Measurement} */ { memory }) => memory ?? Number.NaN,
  writeUnits: (/** @type {Measurement} */ { counted }) => {
    return counted === undefined ? Number.NaN : counted.writeUnits / counted.records;
  },
  readUnits: (/** @type {Measurement} */ measurement) => {
    const { counted, operation, calls } = measurement;
    if (counted === undefined) {
      return Number.NaN;
    }
    return counted.readUnits / (operation === 'read' ? calls : counted.records);
  },
  attemptsPerCommit: (/** @type {Measurement} */ { counted }) => {
    return counted === undefined ? Number.NaN : counted.attempts / counted.committed;
  },
  /** The calls of the process that made the fewest, as a share of the median. */
  slowestProcess: (/** @type {Measurement} */ { callsOfProcesses }) => {
    return callsOfProcesses === undefined
      ? Number.NaN
      : Math.min(...callsOfProcesses) / median(callsOfProcesses);
  },
};

/** @typedef {keyof typeof figures} FigureName */

/**
 * @typedef {Partial<Pick<Measurement, 'server' | 'operation' | 'users' | 'callers' | 'processes' |
 *   'peer'>> & { arrivals?: number | undefined }} Query
 */

/**
 * The median of a figure over the rounds of one load; undefined if nobody measured that.
 *
 * @param {Results} results
 * @param {FigureName} figure
 * @param {Query} query
 */
export function find(results, figure, query) {
  const wanted = Object.entries({ processes: 1, arrivals: undefined, ...query });
  const found = results.measurements.filter((measurement) =>
    wanted.every(([name, value]) => measurement[/** @type {keyof Query} */ (name)] === value),
  );
  // Without a single call there is no CPU per call.
  const values = found.map(figures[figure]).filter(Number.isFinite);
  return values.length === 0 ? undefined : median(values);
}

/**
 * @param {Results} results
 * @param {'require' | 'firstBalance'} time
 * @param {Pick<StartUp, 'peer' | 'protocol'>} query
 */
export function findStart(results, time, { peer, protocol }) {
  return median(
    results.startUp
      .filter((start) => start.peer === peer && start.protocol === protocol)
      .map((start) => start[time]),
  );
}

/**
 * Bytes for each call that waits.
 *
 * @param {Results} results
 * @param {import('../measure/results.d.ts').Waiting['operation']} operation
 */
export function findWaiting({ waiting }, operation) {
  const found = waiting.filter((each) => each.operation === operation);
  return found.length === 0 ? undefined : median(found.map(({ bytesPerCall }) => bytesPerCall));
}
