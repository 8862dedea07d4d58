// A request that was given up is not delivered when the network comes back, neither after its call
// has ended nor after its process was killed: the kernel must not keep it. Shown between two network
// namespaces, one of which loses sight of the other.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CLIENT = `dynamodb-balance-client-${process.pid}`;
const SERVER = `dynamodb-balance-server-${process.pid}`;
const ADDRESS = '10.213.0.2';
const ELSEWHERE = '02:00:00:00:00:99';

/** Longer than the kernel waits before it repeats what was sent two seconds ago. */
const UNTIL_REPEATED = 6000;

const ip = (...words: string[]): Buffer => execFileSync('ip', words, { stdio: 'pipe' });

function canMakeNamespaces(): boolean {
  const made = spawnSync('ip', ['netns', 'add', CLIENT]);
  return made.status === 0;
}

const isPossible = process.platform === 'linux' && canMakeNamespaces();
const testInNamespaces = isPossible ? test : test.skip;

/** Answers with success, and says which requests arrived. */
const SERVE = `
  const { crc32 } = require('node:zlib');
  require('node:http').createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (bytes) => { body += bytes; });
    incoming.on('end', () => {
      console.log(/"idempotentKey":{"S":"([^"]*)"/.exec(body)[1]);
      response.writeHead(200, {
        'content-type': 'application/x-amz-json-1.0',
        'x-amzn-requestid': 'STAND-IN',
        'x-amz-crc32': String(crc32('{}')),
      }).end('{}');
    });
  }).listen(8000, '${ADDRESS}', () => console.log('ready'));
`;

/** Makes one call, and another one when it is told to. */
const CALL = `
  const { BalanceClient } = require(${JSON.stringify(join(__dirname, '..'))});
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
  const client = new BalanceClient({
    endpoint: 'http://${ADDRESS}:8000', region: 'us-east-1', credentials,
    attemptTimeout: 1000, callTimeout: 1500,
  });
  const transact = (idempotentKey) =>
    client.transact({ idempotentKey, userId: 'user', amount: 1, type: 'debit' });
  transact('first').then(() => console.log('ready'));
  process.stdin.once('data', () => {
    console.log('sending');
    transact('second').catch((error) => console.log(error.code));
  });
  setInterval(() => {}, 1000);
`;

interface Program {
  child: ChildProcess;
  lines: string[];
}

async function run(namespace: string, code: string): Promise<Program> {
  const program = ['netns', 'exec', namespace, process.execPath, '-e', code];
  const child = spawn('ip', program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
  });
  const started = { child, lines };
  await said(started, 'ready');
  return started;
}

async function said({ child, lines }: Program, line: string): Promise<void> {
  while (!lines.includes(line)) {
    await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  }
}

let programs: Program[] = [];

beforeAll(() => {
  if (!isPossible) {
    return;
  }
  ip('netns', 'add', SERVER);
  ip(
    'link',
    'add',
    'near',
    'netns',
    CLIENT,
    'type',
    'veth',
    'peer',
    'name',
    'far',
    'netns',
    SERVER,
  );
  ip('-n', CLIENT, 'address', 'add', '10.213.0.1/24', 'dev', 'near');
  ip('-n', SERVER, 'address', 'add', `${ADDRESS}/24`, 'dev', 'far');
  ip('-n', CLIENT, 'link', 'set', 'near', 'up');
  ip('-n', SERVER, 'link', 'set', 'far', 'up');
});

afterEach(async () => {
  for (const { child } of programs) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  }
  programs = [];
});

afterAll(() => {
  if (isPossible) {
    ip('netns', 'delete', CLIENT);
    ip('netns', 'delete', SERVER);
  }
});

/** From now on what is sent to the server arrives nowhere. */
function cutTheNetwork(): void {
  ip(
    '-n',
    CLIENT,
    'neigh',
    'replace',
    ADDRESS,
    'lladdr',
    ELSEWHERE,
    'dev',
    'near',
    'nud',
    'permanent',
  );
}

function mendTheNetwork(): void {
  ip('-n', CLIENT, 'neigh', 'delete', ADDRESS, 'dev', 'near');
}

testInNamespaces.each([
  { end: 'its call has ended', isKilled: false },
  { end: 'its process was killed', isKilled: true },
])(
  'a request does not arrive after $end',
  async ({ isKilled }) => {
    const server = await run(SERVER, SERVE);
    programs.push(server);
    const client = await run(CLIENT, CALL);
    programs.push(client);
    cutTheNetwork();
    client.child.stdin?.write('go\n');
    await said(client, 'sending');
    if (isKilled) {
      await sleep(500);
      client.child.kill('SIGKILL');
      await once(client.child, 'close');
    } else {
      await said(client, 'OUTCOME_UNKNOWN');
    }
    mendTheNetwork();
    await sleep(UNTIL_REPEATED);
    expect(server.lines).toEqual(['ready', 'first']);
  },
  30_000,
);
