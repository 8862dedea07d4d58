// Calls the handler as Lambda does: once for each event.

const { handler } = require('./handler.cjs');

async function invoke() {
  const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
  const covered = await handler({ userId, idempotentKey: `${userId}-1`, amount: 30.1 });
  const tooMuch = await handler({ userId, idempotentKey: `${userId}-2`, amount: 500 });
  process.stdout.write(
    `${[covered, tooMuch].map(({ statusCode, body }) => `${statusCode} ${body}`)}\n`,
  );
}

void invoke();
