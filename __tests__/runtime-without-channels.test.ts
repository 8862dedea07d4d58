// Runtimes without diagnostics_channel, or with the channels of Node 14 to 18, which hold no stores.

import diagnostics from 'node:diagnostics_channel';

import type { OperationTrace } from 'dynamodb-balance';

import { fresh } from './harness/tables';

type Package = typeof import('dynamodb-balance');

/** The package as it is in a runtime with this module. */
function packageWith(diagnosticsChannel: () => unknown): Package {
  let loaded: Package | undefined;
  jest.isolateModules(() => {
    jest.doMock('diagnostics_channel', diagnosticsChannel);
    loaded = require('dynamodb-balance');
  });
  return loaded as Package;
}

afterEach(() => jest.dontMock('diagnostics_channel'));

async function moveMoney({ BalanceClient }: Package): Promise<number> {
  const client = new BalanceClient();
  const userId = fresh('user');
  await client.transact({ idempotentKey: fresh('key'), userId, amount: 30.1, type: 'debit' });
  return await client.getCurrentBalance({ userId });
}

/** Hears of all events of `transact` while some work is done. */
async function eventsOf(work: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];
  const listeners = names.map((event) => {
    const channel = diagnostics.channel(`tracing:dynamodb-balance:transact:${event}`);
    const listener = (message: unknown) => heard.push((message as OperationTrace).operation, event);
    channel.subscribe(listener);
    return () => channel.unsubscribe(listener);
  });
  await work();
  for (const unsubscribe of listeners) {
    unsubscribe();
  }
  return heard;
}

test('without diagnostics_channel everything works, and nothing is told', async () => {
  const absent = packageWith(() => {
    throw new Error("Cannot find module 'diagnostics_channel'");
  });

  expect(await eventsOf(async () => expect(await moveMoney(absent)).toBe(69.9))).toEqual([]);
});

test('channels that hold no stores tell the same', async () => {
  /** What Node 14.17 has of a channel. */
  const plain = (name: string) => {
    const channel = diagnostics.channel(name);
    return {
      get hasSubscribers() {
        return channel.hasSubscribers;
      },
      publish: (message: unknown) => channel.publish(message),
    };
  };
  const old = packageWith(() => ({ channel: plain }));

  expect(await eventsOf(() => moveMoney(old))).toEqual(
    ['start', 'end', 'asyncStart', 'asyncEnd'].flatMap((event) => ['transact', event]),
  );
});
