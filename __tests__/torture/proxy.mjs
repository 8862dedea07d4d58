// The fault proxy: stands at the wire between the package and DynamoDB Local.

import { once } from 'node:events';
import { Agent, createServer, request as open } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { CLOCK_SKEW, conditionsOf, DEAD_CONNECTIONS, HANGING_USERS } from './conditions.mjs';
import { fateOf, serviceError, UNHARMED } from './faults.mjs';
import { HeldRequests } from './held-requests.mjs';
import { chance } from './random.mjs';

/** Requests signed with this accessKeyId meet no fault. */
export const SPARED = 'spared';

/** How long what a connection has brought takes to be read, in milliseconds: plenty. */
const TIME_TO_READ = 50;

const PASSED_HEADERS = ['content-type', 'date', 'x-amzn-requestid', 'x-amz-crc32'];

/**
 * @typedef {object} Proxy
 * @property {string} endpoint
 * @property {number} requests how many have come
 * @property {Map<string, number>} met how many have met each fault
 * @property {import('./conditions.mjs').Conditions} conditions those of the round
 * @property {HeldRequests} held
 * @property {(round: string) => void} begin begins a round
 * @property {Passage[]} journal what happened to each, for whoever looks for the cause of a failure
 * @property {() => Promise<void>} quiet delivers what is held, and waits until no request is under way any more, not even one
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
 * @typedef {import('node:net').Socket} Socket
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
  /** When each connection was opened. @type {Map<Socket, number>} */
  const sockets = new Map();
  let connections = 0;

  /** @type {Proxy} */
  const proxy = {
    endpoint: '',
    requests: 0,
    met: new Map(),
    conditions: conditionsOf(seed, '', 0),
    held: new HeldRequests(),
    begin: (round) => {
      proxy.conditions = conditionsOf(seed, round, share, only);
    },
    journal: [],
    quiet: async () => {
      while (underWay.size > 0) {
        await proxy.held.flush();
        await Promise.all(underWay);
      }
    },
    close: async () => {
      for (const socket of sockets.keys()) {
        socket.destroy();
      }
      front.close();
      await once(front, 'close');
      agent.destroy();
    },
  };

  /** @param {Promise<void>} work */
  function follow(work) {
    const followed = work.finally(() => underWay.delete(followed));
    underWay.add(followed);
  }

  const server = createServer((incoming, response) => {
    // A caller that has given up or was killed closes its connection, which is no business of
    // this proxy: DynamoDB, too, goes on with what it has received.
    incoming.on('error', () => {});
    response.on('error', () => {});
    follow(carry(incoming, response).catch(() => void incoming.socket.destroy()));
  });

  // In front of it, so that connections can stay unread. Half open as those of an HTTP server: who
  // has sent a request and closed has sent it.
  const front = createSocketServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    connections += 1;
    sockets.set(socket, performance.now());
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const unread = proxy.conditions.unread(connections, 2 * attemptTimeout);
    follow(
      sleep(unread).then(async () => {
        server.emit('connection', socket);
        socket.resume();
        // What it has brought is under way before this is not any more.
        await sleep(unread > 0 ? TIME_TO_READ : 0);
      }),
    );
  });

  /**
   * What becomes of a request: by the conditions of the round, or by its number.
   *
   * @param {number} number
   * @param {string} operation
   * @param {Content} content
   * @param {IncomingMessage} incoming
   * @returns {import('./faults.mjs').Fate}
   */
  function decide(number, operation, content, incoming) {
    const { conditions, held } = proxy;
    if (incoming.headers.authorization?.includes(`Credential=${SPARED}/`)) {
      return UNHARMED;
    }
    const copies = chance(seed, 'silent copy', number) < 0.5 ? 0 : 1;
    if (conditions.isRefused(String(incoming.headers['x-amz-date']))) {
      const refusal = serviceError('InvalidSignatureException');
      return { ...UNHARMED, name: CLOCK_SKEW, copies: 0, reply: refusal };
    }
    if (conditions.isDead(sockets.get(incoming.socket) ?? 0)) {
      return { ...UNHARMED, name: DEAD_CONNECTIONS, copies, reply: 'silence' };
    }
    const before = conditions.hang(usersIn(content));
    if (before > 0) {
      return { ...UNHARMED, name: HANGING_USERS, before, copies, reply: 'silence' };
    }
    if (held.hasKept(subjectOf(content))) {
      return { ...UNHARMED, name: 'held again', isHeld: true, reply: 'silence' };
    }
    const actions = content.TransactItems?.length ?? 1;
    return fateOf(seed, number, { operation, actions }, share, { attemptTimeout, only });
  }

  /**
   * @param {IncomingMessage} incoming
   * @param {ServerResponse} response
   */
  async function carry(incoming, response) {
    const body = await read(incoming);
    const operation = String(incoming.headers['x-amz-target']).replace(/^.*\./, '');
    /** @type {Content} */
    const content = JSON.parse(body.toString());
    const subject = subjectOf(content);
    const number = proxy.requests;
    proxy.requests += 1;
    const fate = decide(number, operation, content, incoming);
    if (fate.name !== 'none') {
      proxy.met.set(fate.name, (proxy.met.get(fate.name) ?? 0) + 1);
    }
    /** @type {Passage} */
    const passage = {
      number,
      keys: subject.keys,
      token: subject.token,
      fault: fate.name,
      came: performance.now(),
      carriedOut: [],
    };
    proxy.journal.push(passage);
    const send = async () => {
      passage.forwarded = performance.now();
      const answer = await forward(target, agent, incoming, body);
      passage.carriedOut.push(summarize(answer));
      proxy.held.learn(subject, answer.status === 200);
      return answer;
    };
    const carryOut = async () => {
      await sleep(fate.before);
      if (fate.isHeld) {
        const kept = proxy.held.keep(subject);
        if (fate.reply === 'reset') {
          incoming.socket.resetAndDestroy();
        }
        await kept;
      }
      const answers = await Promise.all(Array.from({ length: fate.copies }, send));
      await sleep(fate.after);
      return answers;
    };
    if (typeof fate.reply === 'object') {
      // The caller need not wait for what goes on behind this answer.
      reply(response, fate.reply, proxy.conditions.now);
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
      reply(response, replicas.read(number, operation, content, answer), proxy.conditions.now);
    }
  }

  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const address = front.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the system gave no port');
  }
  proxy.endpoint = `http://127.0.0.1:${address.port}`;
  return proxy;
}

/**
 * As much of a request as is looked at here.
 *
 * @typedef {{ idempotentKey?: { S: string }, userId?: { S: string } }} TableKey
 * @typedef {{ Item?: TableKey, Key?: TableKey, UpdateExpression?: string }} Action
 * @typedef {{ TransactItems?: Record<string, Action>[], ClientRequestToken?: string,
 *   Key?: TableKey, ConsistentRead?: boolean,
 *   RequestItems?: Record<string, { Keys: TableKey[] }> }} Content
 */

/**
 * What a transaction is about.
 *
 * @param {Content} content
 * @returns {import('./held-requests.mjs').Subject}
 */
function subjectOf({ TransactItems = [], ClientRequestToken }) {
  const actions = TransactItems.flatMap((action) => Object.values(action));
  const keys = actions.flatMap(({ Item, Key }) => (Item ?? Key)?.idempotentKey?.S ?? []);
  const movement = actions.find(({ Key }) => Key?.userId !== undefined);
  return {
    user: movement?.Key?.userId?.S,
    keys,
    token: ClientRequestToken,
    isCredit: movement?.UpdateExpression?.includes('+ :amount') === true,
  };
}

/**
 * The users whose balance a request touches.
 *
 * @param {Content} content
 */
function usersIn(content) {
  const reads = Object.values(content.RequestItems ?? {}).flatMap(({ Keys }) => Keys);
  return [content.Key, ...reads]
    .flatMap((key) => key?.userId?.S ?? [])
    .concat(subjectOf(content).user ?? []);
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
   * @param {Content} content
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
 * @param {number} now the service's time
 */
function reply(response, { status, headers, body }, now) {
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length, date: new Date(now).toUTCString() });
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
