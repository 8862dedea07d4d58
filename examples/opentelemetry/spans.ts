// Makes spans of what dynamodb-balance publishes: one for each operation, under the span that is active
// when it is called, and one for each request to DynamoDB, which links to the operations that it carried.
// Call it once, when the OpenTelemetry SDK has been started.

import { subscribe } from 'node:diagnostics_channel';
import { context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { OperationTrace, RequestTrace, TracedOperation } from 'dynamodb-balance';

const tracer = trace.getTracer('dynamodb-balance');

const OPERATIONS: TracedOperation[] = [
  'transact',
  'getCurrentBalance',
  'getBalance',
  'getTransaction',
  'createTransaction',
  'createTransactions',
  'createHold',
  'captureHold',
  'releaseHold',
  'listHolds',
  'releaseExpiredHolds',
  'listTransactions',
  'createTables',
];

/** The span of an operation, from its start to its end. */
const spans = new WeakMap<OperationTrace, Span>();

export function makeSpans(): void {
  for (const operation of OPERATIONS) {
    const channel = `tracing:dynamodb-balance:${operation}`;
    subscribe(`${channel}:start`, (message) => begin(message as OperationTrace));
    subscribe(`${channel}:asyncEnd`, (message) => end(message as OperationTrace));
  }
  subscribe('dynamodb-balance:request', (message) => tellOfRequest(message as RequestTrace));
}

function begin(operation: OperationTrace): void {
  const name = `dynamodb-balance ${operation.operation}`;
  spans.set(operation, tracer.startSpan(name, { attributes: { ...operation.attributes } }));
}

function end(operation: OperationTrace): void {
  const { attributes, attempts, waited, batchSize, replayed, error } = operation;
  const span = spans.get(operation);
  // What was known at the start, and what came later. `input` and `result` have users and amounts in
  // them: put here what may leave your systems.
  span?.setAttributes({
    ...attributes,
    'dynamodb_balance.attempts': attempts,
    ...(waited === undefined ? {} : { 'dynamodb_balance.waited_ms': waited }),
    ...(batchSize === undefined ? {} : { 'dynamodb_balance.batch_size': batchSize }),
    ...(replayed === undefined ? {} : { 'dynamodb_balance.replayed': replayed }),
  });
  if (error !== undefined) {
    span?.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
  }
  span?.end();
}

function tellOfRequest(request: RequestTrace): void {
  const { operation, calls, attributes, startTime, duration } = request;
  const carried = calls.flatMap((call) => spans.get(call) ?? []);
  // It was made for all of them, and a span has one parent: the first.
  const [first] = carried;
  const parent = first === undefined ? context.active() : trace.setSpan(context.active(), first);
  const span = tracer.startSpan(
    `DynamoDB ${operation}`,
    {
      kind: SpanKind.CLIENT,
      startTime,
      attributes: { ...attributes },
      links: carried.map((call) => ({ context: call.spanContext() })),
    },
    parent,
  );
  if (attributes['error.type'] !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: attributes['error.type'] });
  }
  span.end(startTime + duration);
}
