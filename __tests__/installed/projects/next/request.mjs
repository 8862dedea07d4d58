// Starts the built application, and asks it for two debits.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const server = spawn('next', ['start', '--port=0', '--hostname=127.0.0.1'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let printed = '';
let url;
while (url === undefined) {
  const [chunk] = await once(server.stdout, 'data');
  printed += chunk;
  [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
}
const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
for (const amount of [30.1, 500]) {
  const response = await fetch(`${url}/balance`, {
    method: 'POST',
    body: JSON.stringify({ userId, idempotentKey: `${userId}-${amount}`, amount }),
  });
  process.stdout.write(`${response.status} ${await response.text()}\n`);
}
server.kill();
