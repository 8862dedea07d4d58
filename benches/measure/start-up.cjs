// A fresh process: how long `require` takes, and how long it is from there to the first balance.

const process = require('node:process');

const [file, endpoint] = process.argv.slice(2);

async function measure() {
  const started = performance.now();
  const { open } = require(String(file));
  const required = performance.now();
  await open({ endpoint, callers: 1 }).getCurrentBalance({ userId: 'user-1' });
  const answered = performance.now();
  process.stdout.write(
    JSON.stringify({ require: required - started, firstBalance: answered - started }),
  );
  // Peers may keep their connections open.
  process.exit();
}

void measure();
