// In DynamoDB's place: answers as it does, keeps nothing, and fails in the ways that are measured.
// In front of it is something that can hold or forget connections, as networks do.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, createServer as createSocketServer } from 'node:net';

import { serviceHeaders } from '../../__tests__/harness/service-headers.cjs';

/** How old or young a signature may be, in milliseconds. */
const TOLERANCE = 5 * 60_000;

/** How long an answer takes, in milliseconds: about what DynamoDB takes. */
const ANSWER_TIME = 5;

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 */

export class StandIn {
  /** Every request is throttled. */
  isThrottling = false;
  /** Requests about these users are never answered. @type {Set<string>} */
  hanging = new Set();
  /** How far ahead its clock is, in milliseconds. */
  ahead = 0;
  /** How connections are treated: forgotten ones stay so, what is held goes on afterwards.
   * @type {'passed' | 'held' | 'silent from the start'} */
  connections = 'passed';
  /** How many requests came from each caller. @type {Map<string, number>} */
  requests = new Map();

  #server;
  #front;
  #sockets = /** @type {Set<Socket>} */ (new Set());
  #pairs = /** @type {Set<Pair>} */ (new Set());
  #port = 0;

  /** @param {{ key: string, cert: string }} [certificate] for TLS */
  constructor(certificate) {
    const settings = { keepAliveTimeout: 600_000 };
    const answer = (
      /** @type {IncomingMessage} */ request,
      /** @type {import('node:http').ServerResponse} */ response,
    ) => void this.#answer(request, response).catch(() => response.destroy());
    this.#server =
      certificate === undefined
        ? createServer(settings, answer)
        : createSecureServer({ ...settings, ...certificate }, answer);
    this.#front = createSocketServer((near) => this.#join(near));
    this.scheme = certificate === undefined ? 'http' : 'https';
  }

  /** @param {string} [socketPath] where it listens as well, without anything in front */
  async open(socketPath) {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.listen(
      socketPath === undefined ? { port: 0, host: '127.0.0.1' } : { path: socketPath },
    );
    await once(this.#server, 'listening');
    if (socketPath === undefined) {
      await this.openFront();
    }
  }

  async openFront() {
    this.#front.listen(this.#port, '127.0.0.1');
    await once(this.#front, 'listening');
    this.#port = /** @type {import('node:net').AddressInfo} */ (this.#front.address()).port;
  }

  get endpoint() {
    return `${this.scheme}://localhost:${this.#port}`;
  }

  /** Nobody listens any more, and connections are reset. */
  async closeFront() {
    for (const { near } of this.#pairs) {
      near.resetAndDestroy();
    }
    this.#front.close();
    await once(this.#front, 'close');
  }

  /** The network forgets the connections that there are: nothing passes, nobody is told. */
  forgetConnections() {
    for (const pair of this.#pairs) {
      pair.isForgotten = true;
    }
  }

  /** From now on connections are treated like this. @param {StandIn['connections']} how */
  treat(how) {
    this.connections = how;
    for (const pair of this.#pairs) {
      pair.update(how);
    }
  }

  close() {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    for (const { near } of this.#pairs) {
      near.destroy();
    }
    this.#front.close();
    this.#server.close();
  }

  /** @param {Socket} near */
  #join(near) {
    if (this.connections === 'silent from the start') {
      near.on('error', () => {});
      this.#sockets.add(near);
      return;
    }
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    const pair = new Pair(near, connect(address.port, '127.0.0.1'));
    this.#pairs.add(pair);
    near.on('close', () => this.#pairs.delete(pair));
    pair.update(this.connections);
  }

  /**
   * @param {IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    /** @type {Buffer[]} */
    const chunks = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const [, caller = ''] = /Credential=(\w+)/.exec(String(request.headers.authorization)) ?? [];
    this.requests.set(caller, (this.requests.get(caller) ?? 0) + 1);
    const content = Buffer.concat(chunks).toString();
    if ([...this.hanging].some((user) => content.includes(`"${user}"`))) {
      return;
    }
    const { status, body } = this.#decide(request, JSON.parse(content));
    setTimeout(() => {
      const date = new Date(Date.now() + this.ahead).toUTCString();
      response.writeHead(status, { ...serviceHeaders(body), date });
      response.end(body);
    }, ANSWER_TIME);
  }

  /**
   * @param {IncomingMessage} request
   * @param {any} content
   */
  #decide({ headers }, content) {
    const now = Date.now() + this.ahead;
    if (Math.abs(signedAt(String(headers['x-amz-date'])) - now) > TOLERANCE) {
      return refusal('com.amazon.coral.service#InvalidSignatureException', 'Signature expired');
    }
    if (this.isThrottling) {
      const name = 'ProvisionedThroughputExceededException';
      return refusal(`com.amazonaws.dynamodb.v20120810#${name}`, 'The level was exceeded.');
    }
    const operation = String(headers['x-amz-target']).replace(/^.*\./, '');
    return { status: 200, body: JSON.stringify(answers[operation]?.(content) ?? {}) };
  }
}

/** Two ends of a connection. */
class Pair {
  isForgotten = false;

  /**
   * @param {Socket} near
   * @param {Socket} far
   */
  constructor(near, far) {
    this.near = near;
    this.far = far;
    for (const [from, to] of /** @type {const} */ ([
      [near, far],
      [far, near],
    ])) {
      from.on('data', (chunk) => this.isForgotten || to.write(chunk));
      from.on('error', () => {});
      from.on('close', () => this.isForgotten || to.destroy());
    }
  }

  /** @param {StandIn['connections']} how */
  update(how) {
    for (const socket of [this.near, this.far]) {
      if (how === 'held') {
        socket.pause();
      } else {
        socket.resume();
      }
    }
  }
}

/** @type {Record<string, (content: any) => object>} */
const answers = {
  GetItem: ({ Key }) => ({ Item: { ...Key, balance: { N: '100' } } }),
  BatchGetItem: ({ RequestItems }) => ({
    Responses: Object.fromEntries(
      Object.entries(RequestItems).map(([table, { Keys }]) => [
        table,
        Keys.map((/** @type {object} */ key) => ({ ...key, balance: { N: '100' } })),
      ]),
    ),
    UnprocessedKeys: {},
  }),
};

/**
 * @param {string} type
 * @param {string} message
 */
function refusal(type, message) {
  return { status: 400, body: JSON.stringify({ __type: type, message }) };
}

/** @param {string} date as in `X-Amz-Date` */
function signedAt(date) {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
