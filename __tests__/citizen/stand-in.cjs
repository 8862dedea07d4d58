// A stand-in for DynamoDB, in a process of its own: it keeps nothing and answers at once, so that
// what is measured or shaken is the package. The first word of an idempotentKey or userId says
// what the answer is: see `answers`; the word `slow` after it delays that answer. What travels
// together in one transaction must be of one kind.

const { createServer } = require('node:http');
const process = require('node:process');

const { serviceHeaders } = require('../harness/service-headers.cjs');

/** `slow` answers come after up to so many milliseconds: some during what a test does, some after. */
const SLOWEST = 60;

/** @typedef {{ status: number, body: string }} Answer */

/** What a transaction of so many records comes to. @type {Record<string, (records: number) => Answer | undefined>} */
const transactions = {
  commit: () => ok({}),
  duplicate: (records) =>
    cancelled(...Array(records).fill({ Code: 'ConditionalCheckFailed', Item: RECORD }), {
      Code: 'None',
    }),
  insufficient: (records) =>
    cancelled(...Array(records).fill({ Code: 'None' }), {
      Code: 'ConditionalCheckFailed',
      Item: BALANCE,
    }),
};

/** Of a request with another callId: whoever meets it is a duplicate. */
const RECORD = {
  idempotentKey: { S: 'duplicate' },
  userId: { S: 'duplicate' },
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
    const { answer, isSlow } = answerTo(JSON.parse(Buffer.concat(chunks).toString()));
    if (answer !== undefined && isSlow) {
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

/**
 * @param {{ TransactItems?: any[], Key?: any, RequestItems?: Record<string, { Keys: any[] }> }} body
 * @returns {{ answer: Answer | undefined, isSlow: boolean }}
 */
function answerTo({ TransactItems: actions, Key: key, RequestItems: tables }) {
  if (actions !== undefined) {
    // A transaction that puts no record puts up a fence: a busy machine made an attempt too slow.
    const names = actions.flatMap((action) => action.Put?.Item.idempotentKey.S ?? []);
    const [word] = (names[0] ?? 'commit').split('-');
    return { answer: transactions[word]?.(names.length), isSlow: areSlow(names) };
  }
  if (key !== undefined) {
    const name = key.userId.S;
    const isNever = name.startsWith('never');
    return { answer: isNever ? undefined : ok({ Item: itemOf(name) }), isSlow: areSlow([name]) };
  }
  const [[table = '', { Keys: keys }] = ['', { Keys: [] }]] = Object.entries(tables ?? {});
  const names = keys.map(({ userId }) => String(userId.S));
  const items = names.flatMap((name) => itemOf(name) ?? []);
  const isNever = names.some((name) => name.startsWith('never'));
  return {
    answer: isNever ? undefined : ok({ Responses: { [table]: items }, UnprocessedKeys: {} }),
    isSlow: areSlow(names),
  };
}

/** @param {string[]} names */
function areSlow(names) {
  return names.some((name) => name.split('-').includes('slow'));
}

/** @param {string} name of a user */
function itemOf(name) {
  return name.startsWith('balance') ? { userId: { S: name }, balance: BALANCE.balance } : undefined;
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
  response.writeHead(status, serviceHeaders(body));
  response.end(body);
}
