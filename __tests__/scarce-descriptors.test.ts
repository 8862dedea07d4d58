// Where no descriptor is free the configuration cannot be read: that passes, and is tried again.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openWire, type Wire } from './harness/wire';

const PROGRAM = join(__dirname, 'citizen', 'scarce-descriptors.cjs');
let wire: Wire;

beforeEach(async () => {
  wire = await openWire();
});

afterEach(() => wire.close());

(process.platform === 'win32' ? test.skip : test)(
  'a call that finds no descriptor waits, in the region that it could not read yet',
  async () => {
    const config = join(mkdtempSync(join(tmpdir(), 'dynamodb-balance-')), 'config');
    writeFileSync(config, '[default]\nregion = eu-west-3\n');
    const { AWS_REGION: _, ...environment } = process.env;
    const command = `ulimit -n 60; exec '${process.execPath}' '${PROGRAM}' ${wire.endpoint}`;
    const child = spawn('sh', ['-c', command], {
      env: { ...environment, AWS_CONFIG_FILE: config },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child, 'close');

    const { told, balance } = JSON.parse(output);
    expect(told).toMatch(/Nothing happened.*Too many open files/);
    expect(balance).toBe(100);
    expect(`${wire.passed[0]?.headers.authorization}`).toContain('/eu-west-3/');
  },
);
