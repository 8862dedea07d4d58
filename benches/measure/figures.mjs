// What several processes under the same load found, taken together.

import { percentile } from './latencies.cjs';

/**
 * @param {string} what
 * @param {import('./driver.cjs').Figures[]} processes
 */
export function combine(what, processes) {
  const failure = processes.flatMap(({ failures }) => failures)[0];
  if (failure !== undefined) {
    throw new Error(`${what}: ${failure}`);
  }
  const latencies = processes.map((each) => each.latencies);
  const sum = (/** @type {'calls' | 'cpuMicroseconds'} */ name) =>
    processes.reduce((total, each) => total + each[name], 0);
  return {
    calls: sum('calls'),
    seconds: Math.max(...processes.map(({ seconds }) => seconds)),
    cpuMicroseconds: sum('cpuMicroseconds'),
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    /** Of one of them. */
    memory: Number(processes[0]?.memory),
    callsOfProcesses: processes.map(({ calls }) => calls),
  };
}
