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

import { serviceHeaders } from './service-headers.cjs';

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
  /** DynamoDB Local answers it, and what a refusal tells of the items is left out. */
  | 'hide the items'
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
  /** All of them, where it is not DynamoDB who answers; `undefined`: those of DynamoDB. */
  headers?: Record<string, string | number>;
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

/** A table as DescribeTable tells of it. */
export function describedTable(TableName: string, key: string, fields: object = {}): Answer {
  const Table = {
    TableName,
    TableStatus: 'ACTIVE',
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    ...fields,
  };
  return { status: 200, body: JSON.stringify({ Table }) };
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
  let answer = typeof reaction === 'object' ? reaction : await forward(request);
  if (reaction === 'hide the items') {
    answer = withoutItems(answer);
  }
  if (reaction === 'lose the answer') {
    incoming.socket.destroy();
    return;
  }
  response.writeHead(answer.status, answer.headers ?? serviceHeaders(answer.body));
  if (reaction === 'cut the answer') {
    response.write(answer.body.slice(0, answer.body.length / 2), () => incoming.socket.destroy());
    return;
  }
  response.end(answer.body);
}

/** As older emulators answer. */
function withoutItems(answer: Answer): Answer {
  const body = JSON.parse(answer.body);
  for (const reason of body.CancellationReasons ?? []) {
    delete reason.Item;
  }
  return { ...answer, body: JSON.stringify(body) };
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
