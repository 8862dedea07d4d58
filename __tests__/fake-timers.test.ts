// Fake timers in a test of somebody's program stop their clock, and nothing of this package: calls
// are answered, deadlines pass, clients close, and the process waits for them and then ends.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import type { BalanceClient } from 'dynamodb-balance';

import { request } from './harness/calls';
import { fresh } from './harness/tables';
import { openHangingWire } from './harness/wire';

type Package = typeof import('dynamodb-balance');

const root = JSON.stringify(join(__dirname, '..'));

/** Ways to put fake timers in place, as a program writes them. */
const FAKES = {
  'of Sinon': `require('@sinonjs/fake-timers').install();`,
  'of node:test': `require('node:test').mock.timers.enable();`,
};
const LOAD = `const { BalanceClient } = require(${root});`;

/** What a program prints that does everything once, after this beginning. */
function story(beginning: string, hangingEndpoint: string): string {
  const program = `${beginning}
    void (async () => {
      const client = new BalanceClient();
      console.log(await client.getCurrentBalance({ userId: 'nobody' }));
      const late = new BalanceClient({ endpoint: '${hangingEndpoint}', callTimeout: 200 });
      console.log(await late.getCurrentBalance({ userId: 'nobody' }).catch(({ code }) => code));
      await Promise.all([client.close(), late.close()]);
      console.log('closed');
    })();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--eval', program], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  return stdout + stderr;
}

// The wire is of this process, which waits for the other one: nobody answers there either way.
test.each(
  Object.entries(FAKES).flatMap(([whose, fake]) => [
    { name: `those ${whose}, put in place before the package is loaded`, beginning: fake + LOAD },
    { name: `those ${whose}, put in place afterwards`, beginning: LOAD + fake },
  ]),
)('a process with $name', async ({ beginning }) => {
  const wire = await openHangingWire();

  expect(story(beginning, wire.endpoint)).toBe('100\nNOTHING_HAPPENED\nclosed\n');
  await wire.close();
});

describe.each([
  ['modern', {}],
  ['legacy', { legacyFakeTimers: true }],
] as const)("Jest's %s ones", (_name, config) => {
  afterEach(() => {
    jest.useRealTimers();
  });

  async function doEverything(client: BalanceClient): Promise<void> {
    await expect(client.transact(request())).resolves.toBeUndefined();
    await expect(client.getCurrentBalance({ userId: fresh('user') })).resolves.toBe(100);
    await client.close();
  }

  test('put in place before the package is loaded', async () => {
    jest.useFakeTimers(config);
    const { BalanceClient } = loadAgain();

    await doEverything(new BalanceClient());
  });

  test('put in place afterwards', async () => {
    const { BalanceClient } = loadAgain();
    jest.useFakeTimers(config);

    await doEverything(new BalanceClient());
  });

  test('stop no deadline', async () => {
    const wire = await openHangingWire();
    jest.useFakeTimers(config);
    const client = new (loadAgain().BalanceClient)({ endpoint: wire.endpoint, callTimeout: 200 });

    await expect(client.transact(request())).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    jest.useRealTimers();
    await wire.close();
  });
});

function loadAgain(): Package {
  let loaded: Package | undefined;
  jest.isolateModules(() => {
    loaded = require('dynamodb-balance');
  });
  return loaded as Package;
}
