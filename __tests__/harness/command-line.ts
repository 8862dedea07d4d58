// The command line as a shell runs it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const MAIN = join(__dirname, '..', '..', 'cli', 'main.js');

export interface Ending {
  exitCode: number | null;
  output: string;
  complaints: string;
}

export interface CommandOptions {
  environment?: Record<string, string>;
  /** Sent to the command at that moment. */
  signal?: { name: NodeJS.Signals; after: Promise<unknown> };
}

/** Runs a command to its end. */
export async function runCommand(
  commandArguments: string[],
  { environment = {}, signal }: CommandOptions = {},
): Promise<Ending> {
  const child = spawn(process.execPath, [MAIN, ...commandArguments], {
    env: { ...process.env, ...environment },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  void signal?.after.then(() => child.kill(signal.name));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output, complaints };
}

/** Runs a command with --json: its exit code and its one document. */
export async function runForJson(
  commandArguments: string[],
  options?: CommandOptions,
): Promise<{ exitCode: number | null; document: Record<string, unknown> }> {
  const { exitCode, output } = await runCommand([...commandArguments, '--json'], options);
  return { exitCode, document: JSON.parse(output) };
}
