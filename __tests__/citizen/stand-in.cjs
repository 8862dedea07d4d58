// A stand-in for DynamoDB, in a process of its own: it keeps nothing and answers at once, so that
// what is measured or shaken is the package. The first word of an idempotentKey or userId says
// what the answer is: see `answers`; the word `slow` after it delays that answer.

const { createServer } = require('node:http');
const process = require('node:process');

/** `slow` answers come after up to so many milliseconds: some during what a test does, some after. */
const SLOWEST = 60;

/** @typedef {{ status: number, body: string }} Answer */

/** @type {Record<string, () => Answer | undefined>} */
const answers = {
  commit: () => ok({}),
  duplicate: () => cancelled({ Code: 'ConditionalCheckFailed', Item: RECORD }, { Code: 'None' }),
  insufficient: () =>
    cancelled({ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: BALANCE }),
  balance: () => ok({ Item: BALANCE }),
  absent: () => ok({}),
  never: () => undefined,
};

/** Of a request with another callId: whoever meets it is a duplicate. */
const RECORD = {
  idempotentKey: { S: 'duplicate' },
  userId: { S: 'user' },
  amount: { N: '1' },
  type: { S: 'debit' },
  timestamp: { S: '2024-02-29T12:34:56.789Z' },
  callId: { S: '00000000-0000-7000-8000-000000000000' },
};

const BALANCE = { userId: { S: 'user' }, balance: { N: '0.25' } };

const server = createServer((request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const [word = '', ...rest] = nameIn(Buffer.concat(chunks).toString()).split('-');
    const answer = answers[word]?.();
    if (answer !== undefined && rest.includes('slow')) {
      setTimeout(() => send(response, answer), Math.random() * SLOWEST);
    } else if (answer !== undefined) {
      send(response, answer);
    }
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.(`http://127.0.0.1:${address.port}`);
});
process.once('disconnect', () => process.exit());

/** @param {string} body */
function nameIn(body) {
  const { TransactItems: actions, Key: key } = JSON.parse(body);
  const name = actions === undefined ? key.userId : actions[0].Put?.Item.idempotentKey;
  // A transaction that puts no record puts up a fence: a busy machine made an attempt too slow.
  return name === undefined ? 'commit' : String(name.S);
}

/** @param {object} body */
function ok(body) {
  return { status: 200, body: JSON.stringify(body) };
}

/** @param {object[]} reasons */
function cancelled(...reasons) {
  return {
    status: 400,
    body: JSON.stringify({
      __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
      Message: 'Transaction cancelled, please refer cancellation reasons for specific reasons',
      CancellationReasons: reasons,
    }),
  };
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {Answer} answer
 */
function send(response, { status, body }) {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
