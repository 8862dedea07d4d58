// A wire to DynamoDB Local that counts what passes and can be cut where DynamoDB Local itself
// never fails: conflicts, throttling, lost requests and lost answers.

import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** A request as it passed the wire. */
export interface PassedRequest {
  /** `TransactWriteItems`, `GetItem`, … */
  operation: string;
  body: string;
  headers: IncomingMessage['headers'];
}

/** What happens to a request. */
export type Reaction =
  /** DynamoDB Local answers it. */
  | 'forward'
  /** The connection is cut before DynamoDB Local hears of it. */
  | 'lose the request'
  /** DynamoDB Local carries it out, and the connection is cut before the answer. */
  | 'lose the answer'
  /** DynamoDB Local carries it out, and the connection is cut within the answer. */
  | 'cut the answer'
  /** Nothing ever happens. */
  | 'hang'
  /** DynamoDB Local carries it out at this moment, and nobody waits for the answer any more. */
  | Late
  /** Somebody answers this instead of DynamoDB Local. */
  | Answer;

export interface Late {
  at: Promise<unknown>;
  /** Takes the answer that came too late. */
  answered: (answer: Answer) => void;
}

export interface Answer {
  status: number;
  body: string;
  /** Beside, or in place of, those that DynamoDB sends. */
  headers?: Record<string, string>;
}

export interface Wire {
  endpoint: string;
  passed: PassedRequest[];
  close: () => Promise<void>;
}

/** An error as DynamoDB answers it. */
export function serviceError(code: string, fields: object = {}, status = 400): Answer {
  const type = `com.amazonaws.dynamodb.v20120810#${code}`;
  return { status, body: JSON.stringify({ __type: type, message: 'for this test', ...fields }) };
}

/** A cancelled transaction with a reason for each of its actions. */
export function cancelled(...codes: string[]): Answer {
  const reasons = codes.map((code) => ({ Code: code }));
  return serviceError('TransactionCanceledException', { CancellationReasons: reasons });
}

/** Opens a wire on which nothing is ever answered; `arrival` is when the first request arrives. */
export async function openHangingWire(): Promise<Wire & { arrival: Promise<void> }> {
  let arrived: () => void = () => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const wire = await openWire(() => {
    arrived();
    return 'hang';
  });
  return { ...wire, arrival };
}

/** Opens a wire; `react` decides what happens to each request, counted from 0. */
export async function openWire(
  react: (index: number, request: PassedRequest) => Reaction = () => 'forward',
): Promise<Wire> {
  const passed: PassedRequest[] = [];
  const server = createServer((incoming, response) => {
    void (async () => {
      const request = await read(incoming);
      passed.push(request);
      await carryOut(react(passed.length - 1, request), request, incoming, response);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, passed, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) {
    return;
  }
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

async function read(incoming: IncomingMessage): Promise<PassedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer);
  }
  const target = String(incoming.headers['x-amz-target']);
  return {
    operation: target.slice(target.indexOf('.') + 1),
    body: Buffer.concat(chunks).toString(),
    headers: incoming.headers,
  };
}

async function carryOut(
  reaction: Reaction,
  request: PassedRequest,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (reaction === 'hang') {
    return;
  }
  if (reaction === 'lose the request') {
    incoming.socket.destroy();
    return;
  }
  if (typeof reaction === 'object' && 'at' in reaction) {
    await reaction.at;
    reaction.answered(await forward(request));
    return;
  }
  const answer = typeof reaction === 'object' ? reaction : await forward(request);
  if (reaction === 'lose the answer') {
    incoming.socket.destroy();
    return;
  }
  response.writeHead(answer.status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(answer.body),
    ...signs(answer.body),
    ...answer.headers,
  });
  if (reaction === 'cut the answer') {
    response.write(answer.body.slice(0, answer.body.length / 2), () => incoming.socket.destroy());
    return;
  }
  response.end(answer.body);
}

/** What DynamoDB puts on every answer, and this package looks for. */
export function signs(body: string): Record<string, string> {
  return { 'x-amzn-requestid': 'STAND-IN', 'x-amz-crc32': String(crc32(body)) };
}

async function forward(request: PassedRequest): Promise<Answer> {
  const outgoing = send(String(process.env['AWS_ENDPOINT_URL_DYNAMODB']), {
    method: 'POST',
    headers: request.headers,
  });
  outgoing.end(request.body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer);
  }
  return { status: incoming.statusCode ?? 500, body: Buffer.concat(chunks).toString() };
}
