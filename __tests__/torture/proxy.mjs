// The fault proxy: stands at the wire between the package and DynamoDB Local.

import { once } from 'node:events';
import { Agent, createServer, request as open } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { fateOf } from './faults.mjs';
import { chance } from './random.mjs';

const PASSED_HEADERS = ['content-type', 'date', 'x-amzn-requestid', 'x-amz-crc32'];

/**
 * @typedef {object} Proxy
 * @property {string} endpoint
 * @property {number} requests how many have come
 * @property {Map<string, number>} met how many have met each fault
 * @property {Passage[]} journal what happened to each, for whoever looks for the cause of a failure
 * @property {() => Promise<void>} quiet waits until no request is under way any more, not even one
 *   that its caller has given up
 * @property {() => Promise<void>} close
 *
 * A request's way: its times are those of `performance.now()`, and `carriedOut` is what DynamoDB
 * Local answered to each copy.
 *
 * @typedef {{ number: number, keys: string[], token: string | undefined, fault: string,
 *   came: number, forwarded?: number, carriedOut: string[] }} Passage
 *
 * @typedef {{ status: number, headers: Headers, body: Buffer | string }} WireAnswer
 *
 * @typedef {Record<string, string | number>} Headers
 *
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 */

/**
 * @param {object} options
 * @param {string} options.target where DynamoDB Local is
 * @param {number | string} options.seed
 * @param {number} options.share of the requests that meet a fault
 * @param {number} options.attemptTimeout when callers give an attempt up, in milliseconds
 * @param {string | undefined} options.only the one fault there is, instead of all
 * @returns {Promise<Proxy>}
 */
export async function openProxy({ target, seed, share, attemptTimeout, only }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const replicas = new Replicas(seed);
  /** @type {Set<Promise<void>>} */
  const underWay = new Set();

  /** @type {Proxy} */
  const proxy = {
    endpoint: '',
    requests: 0,
    met: new Map(),
    journal: [],
    quiet: async () => {
      while (underWay.size > 0) {
        await Promise.all(underWay);
      }
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      agent.destroy();
    },
  };

  const server = createServer((incoming, response) => {
    // A caller that has given up or was killed closes its connection, which is no business of
    // this proxy: DynamoDB, too, goes on with what it has received.
    incoming.on('error', () => {});
    response.on('error', () => {});
    const work = carry(incoming, response)
      .catch(() => void incoming.socket.destroy())
      .finally(() => underWay.delete(work));
    underWay.add(work);
  });

  /**
   * @param {IncomingMessage} incoming
   * @param {ServerResponse} response
   */
  async function carry(incoming, response) {
    const body = await read(incoming);
    const operation = String(incoming.headers['x-amz-target']).replace(/^.*\./, '');
    const content = JSON.parse(body.toString());
    const number = proxy.requests;
    proxy.requests += 1;
    const actions = content.TransactItems?.length ?? 1;
    const fate = fateOf(seed, number, { operation, actions }, share, { attemptTimeout, only });
    if (fate.name !== 'none') {
      proxy.met.set(fate.name, (proxy.met.get(fate.name) ?? 0) + 1);
    }
    /** @type {Passage} */
    const passage = {
      number,
      keys: keysIn(content),
      token: content.ClientRequestToken,
      fault: fate.name,
      came: performance.now(),
      carriedOut: [],
    };
    proxy.journal.push(passage);
    const send = async () => {
      passage.forwarded = performance.now();
      const answer = await forward(target, agent, incoming, body);
      passage.carriedOut.push(summarize(answer));
      return answer;
    };
    const carryOut = async () => {
      await sleep(fate.before);
      const answers = await Promise.all(Array.from({ length: fate.copies }, send));
      await sleep(fate.after);
      return answers;
    };
    if (typeof fate.reply === 'object') {
      // The caller need not wait for what goes on behind this answer.
      reply(response, fate.reply);
      await carryOut();
      return;
    }
    const answers = await carryOut();
    const either = answers[Math.floor(chance(seed, 'copy', number) * answers.length)];
    const best = answers.find(({ status }) => status === 200) ?? either;
    const answer = fate.heard === 'best' ? best : either;
    if (answer === undefined || fate.reply === 'silence') {
      if (fate.reply === 'reset') {
        incoming.socket.resetAndDestroy();
      }
      return;
    }
    if (fate.reply === 'reset') {
      incoming.socket.resetAndDestroy();
    } else if (fate.reply === 'half') {
      replyHalf(response, answer);
    } else {
      reply(response, replicas.read(number, operation, content, answer));
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the system gave no port');
  }
  proxy.endpoint = `http://127.0.0.1:${address.port}`;
  return proxy;
}

/**
 * The keys of the records that a request is about.
 *
 * @param {{ TransactItems?: Record<string, { Item?: TableKey, Key?: TableKey }>[] }} content
 *
 * @typedef {{ idempotentKey?: { S: string } }} TableKey
 */
function keysIn({ TransactItems = [] }) {
  return TransactItems.flatMap((action) =>
    Object.values(action).flatMap(({ Item, Key }) => {
      const key = (Item ?? Key)?.idempotentKey?.S;
      return key === undefined ? [] : [key];
    }),
  );
}

/** @param {WireAnswer} answer */
function summarize({ status, body }) {
  const codes = [...body.toString().matchAll(/"Code":"(\w+)"/g)].map(([, code]) => code);
  return [status, ...codes].join(' ');
}

/**
 * DynamoDB Local always reads consistently, DynamoDB only when asked to. Here a read that does not
 * ask for it is answered half of the time with what the one before it saw.
 */
class Replicas {
  #seed;
  /** @type {Map<string, WireAnswer>} */
  #last = new Map();

  /** @param {number | string} seed */
  constructor(seed) {
    this.#seed = seed;
  }

  /**
   * @param {number} number
   * @param {string} operation
   * @param {{ ConsistentRead?: boolean, Key?: object }} content
   * @param {WireAnswer} answer
   */
  read(number, operation, content, answer) {
    if (operation !== 'GetItem' || content.ConsistentRead === true) {
      return answer;
    }
    const item = JSON.stringify(content.Key);
    const older = this.#last.get(item);
    this.#last.set(item, answer);
    return older !== undefined && chance(this.#seed, 'stale', number) < 0.5 ? older : answer;
  }
}

/** @param {IncomingMessage} incoming */
async function read(incoming) {
  /** @type {Buffer[]} */
  const chunks = [];
  for await (const chunk of incoming) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * @param {string} target
 * @param {Agent} agent
 * @param {IncomingMessage} incoming
 * @param {Buffer} body
 * @returns {Promise<WireAnswer>}
 */
async function forward(target, agent, incoming, body) {
  const outgoing = open(target, { method: 'POST', agent, headers: incoming.headers });
  outgoing.end(body);
  /** @type {IncomingMessage[]} */
  const [answer] = await once(outgoing, 'response');
  if (answer === undefined) {
    throw new Error('no response');
  }
  return {
    status: answer.statusCode ?? 500,
    headers: serviceHeadersOf(answer),
    body: await read(answer),
  };
}

/**
 * Those by which DynamoDB Local says that it was the one who answered.
 *
 * @param {IncomingMessage} answer
 * @returns {Headers}
 */
function serviceHeadersOf({ headers }) {
  return Object.fromEntries(
    PASSED_HEADERS.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

/**
 * @param {ServerResponse} response
 * @param {WireAnswer} answer
 */
function reply(response, { status, headers, body }) {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/**
 * @param {ServerResponse} response
 * @param {WireAnswer} answer
 */
function replyHalf(response, { status, headers, body }) {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, 'content-length': length });
  const half = body.slice(0, Math.floor(length / 2));
  response.write(half, () => response.socket?.destroy());
  response.flushHeaders();
}
