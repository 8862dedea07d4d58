// Programs of __tests__/citizen in processes of their own, so that a crash is seen as the signal
// that ended them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const FOLDER = join(__dirname, '..', 'citizen');

export interface Ending {
  code: number | null;
  /** The signal that ended the process, such as SIGSEGV. */
  signal: NodeJS.Signals | null;
  output: string;
  complaints: string;
  /** How long it took to end after it had said `ready`. */
  millisecondsAfterReady: number;
}

export interface ProgramOptions {
  /** Options of Node itself. */
  node?: string[];
  /** Sent to the process once it says `ready`. */
  signal?: NodeJS.Signals;
  /** A process that has not ended by then hangs, and is killed. */
  timeout?: number;
}

/** Runs a program to its end, however it ends. */
export async function runProgram(
  name: string,
  programArguments: string[],
  { node = [], signal, timeout = 60_000 }: ProgramOptions = {},
): Promise<Ending> {
  const child = spawn(process.execPath, [...node, join(FOLDER, name), ...programArguments], {
    timeout,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaints = '';
  let ready = Number.NaN;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (Number.isNaN(ready) && output.includes('ready')) {
      ready = performance.now();
      if (signal !== undefined) {
        child.kill(signal);
      }
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return {
    code,
    signal: endedBy,
    output,
    complaints,
    millisecondsAfterReady: performance.now() - ready,
  };
}
