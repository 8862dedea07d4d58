// The examples do what they say when they are called as API Gateway, HTTP clients and SQS call
// them: also twice, at once, and when DynamoDB does not answer.

import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { APIGatewayProxyEventV2WithJWTAuthorizer, SQSEvent } from 'aws-lambda';
import { BalanceClient, getCurrentBalance } from 'dynamodb-balance';

import { build } from '../examples/fastify/server';
import { handler as purchase } from '../examples/lambda/handler';
import { sweep } from '../examples/lambda/sweep';
import { pay, transfer } from '../examples/marketplace/sale';
import { runMetered } from '../examples/metered/usage';
import { makeSpans } from '../examples/opentelemetry/spans';
import { handler as consume } from '../examples/sqs/consumer';
import { fresh, putBalanceItem, recordsOf } from './harness/tables';
import { openWire, serviceError, type Wire } from './harness/wire';

beforeEach(() => {
  // What they log is for their operators.
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('lambda', () => {
  /** An event as API Gateway makes it, as far as it matters here. */
  function event(
    userId: string,
    key: string | undefined,
    body: string,
    isBase64Encoded = false,
  ): APIGatewayProxyEventV2WithJWTAuthorizer {
    return {
      version: '2.0',
      routeKey: 'POST /purchases',
      rawPath: '/purchases',
      rawQueryString: '',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      requestContext: {
        accountId: '123456789012',
        apiId: 'api',
        authorizer: {
          principalId: '',
          integrationLatency: 0,
          jwt: { claims: { sub: userId }, scopes: [] },
        },
        domainName: 'api.example.com',
        domainPrefix: 'api',
        http: {
          method: 'POST',
          path: '/purchases',
          protocol: 'HTTP/1.1',
          sourceIp: '192.0.2.1',
          userAgent: 'test',
        },
        requestId: 'request',
        routeKey: 'POST /purchases',
        stage: '$default',
        time: '29/Feb/2024:12:34:56 +0000',
        timeEpoch: 1_709_210_096_789,
      },
      body,
      isBase64Encoded,
    };
  }

  test('a purchase is debited', async () => {
    const user = fresh('user');

    await expect(purchase(event(user, 'order-1', '{"amount": 30.1}'))).resolves.toMatchObject({
      statusCode: 200,
      body: '{"status":"done"}',
    });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(69.9);
  });

  test('the same request again, also at once, is answered the same and debited once', async () => {
    const user = fresh('user');
    const send = () => purchase(event(user, 'order-1', '{"amount": 30.1}'));
    const answers = await Promise.all([send(), send(), send()]);
    answers.push(await send());

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(69.9);
  });

  test('two users may choose the same key', async () => {
    const users = [fresh('user'), fresh('user')];
    await Promise.all(users.map((user) => purchase(event(user, 'order-1', '{"amount": 1}'))));

    for (const userId of users) {
      await expect(getCurrentBalance({ userId })).resolves.toBe(99);
    }
  });

  test.each([
    ['no key', undefined, '{"amount": 1}', 400],
    ['an empty key', '', '{"amount": 1}', 400],
    ['a body that is no JSON', 'order-1', 'amount=1', 400],
    ['JSON without fields', 'order-1', 'null', 400],
    ['an amount in quotes', 'order-1', '{"amount": "1"}', 400],
    ['an amount of 0', 'order-1', '{"amount": 0}', 400],
    ['an amount that no number in DynamoDB holds', 'order-1', '{"amount": 1e200}', 422],
    ['more than there is', 'order-1', '{"amount": 100.01}', 402],
  ])('%s is refused', async (_, key, body, statusCode) => {
    const user = fresh('user');

    await expect(purchase(event(user, key, body))).resolves.toMatchObject({ statusCode });
    await expect(recordsOf(user)).resolves.toEqual([]);
  });

  test('a key of another purchase is a conflict', async () => {
    const user = fresh('user');
    await purchase(event(user, 'order-1', '{"amount": 1}'));

    await expect(purchase(event(user, 'order-1', '{"amount": 2}'))).resolves.toMatchObject({
      statusCode: 409,
    });
  });

  test('a body in base64 is read', async () => {
    const body = Buffer.from('{"amount": 1}').toString('base64');

    await expect(purchase(event(fresh('user'), 'order-1', body, true))).resolves.toMatchObject({
      statusCode: 200,
    });
  });

  test('what is wrong with the tables is not told to the caller', async () => {
    const user = fresh('user');
    await putBalanceItem({ userId: { S: user }, balance: { S: 'plenty' } });

    await expect(purchase(event(user, 'order-1', '{"amount": 1}'))).resolves.toMatchObject({
      statusCode: 500,
      body: '{"code":"INTERNAL_ERROR"}',
    });
  });
});

describe('fastify', () => {
  const app = build();
  let address: string;

  beforeAll(async () => {
    address = await app.listen({ host: '127.0.0.1', port: 0 });
  });

  afterAll(async () => {
    await app.close();
  });

  async function post(userId: string, key: string | undefined, body: object, server = address) {
    const answer = await fetch(`${server}/users/${userId}/transactions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      body: await answer.json(),
    };
  }

  test('a transaction moves the balance, once', async () => {
    const user = fresh('user');
    const key = fresh('key');
    const answers = await Promise.all([
      post(user, key, { amount: 0.5, type: 'credit' }),
      post(user, key, { amount: 0.5, type: 'credit' }),
    ]);

    expect(answers.map(({ body }) => body)).toEqual([{ status: 'done' }, { status: 'done' }]);
    const balance = await fetch(`${address}/users/${user}/balance`);
    await expect(balance.json()).resolves.toEqual({ balance: 100.5 });
  });

  test.each([
    [{ amount: '5', type: 'credit' }, 400],
    [{ amount: 5, type: 'gift' }, 400],
    [{ amount: 5 }, 400],
    [{ amount: 5, type: 'credit', fee: 1 }, 400],
    [{ amount: -5, type: 'credit' }, 400],
    [{ amount: 1e200, type: 'credit' }, 422],
    [{ amount: 101, type: 'debit' }, 402],
  ])('%j is %d', async (payload, status) => {
    await expect(post(fresh('user'), fresh('key'), payload)).resolves.toMatchObject({ status });
  });

  test('a key of another request is a conflict', async () => {
    const user = fresh('user');
    const key = fresh('key');
    await post(user, key, { amount: 1, type: 'debit' });

    await expect(post(user, key, { amount: 2, type: 'debit' })).resolves.toMatchObject({
      status: 409,
    });
  });

  test('without a key it is refused', async () => {
    await expect(post('alice', undefined, { amount: 1, type: 'debit' })).resolves.toMatchObject({
      status: 400,
    });
  });

  describe('when answers are lost', () => {
    let wire: Wire;

    afterEach(async () => {
      await wire.close();
    });

    test('it is 503, and the same request again is done, once', async () => {
      let isBroken = true;
      wire = await openWire(() => (isBroken ? 'lose the answer' : 'forward'));
      const lossy = build(new BalanceClient({ endpoint: wire.endpoint, callTimeout: 300 }));
      const server = await lossy.listen({ host: '127.0.0.1', port: 0 });
      const user = fresh('user');
      const send = () => post(user, `for-${user}`, { amount: 1, type: 'debit' }, server);

      await expect(send()).resolves.toMatchObject({
        status: 503,
        retryAfter: '1',
        body: { code: 'OUTCOME_UNKNOWN' },
      });
      isBroken = false;
      await expect(send()).resolves.toMatchObject({ status: 200 });
      await lossy.close();
      await expect(getCurrentBalance({ userId: user })).resolves.toBe(99);
    });
  });
});

describe('sqs', () => {
  function batch(...messages: { id: string; body: string }[]): SQSEvent {
    return {
      Records: messages.map(({ id, body }) => ({
        messageId: id,
        receiptHandle: `receipt-${id}`,
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: '1709210096789',
          SenderId: 'AIDAEXAMPLE',
          ApproximateFirstReceiveTimestamp: '1709210096790',
        },
        messageAttributes: {},
        md5OfBody: '',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:payments',
        awsRegion: 'us-east-1',
      })),
    };
  }

  const credit = (userId: string, amount: number) =>
    JSON.stringify({ userId, amount, type: 'credit' });

  test('a batch is applied', async () => {
    const user = fresh('user');
    const messages = Array.from({ length: 10 }, () => ({
      id: fresh('message'),
      body: credit(user, 0.1),
    }));

    await expect(consume(batch(...messages))).resolves.toEqual({ batchItemFailures: [] });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(101);
  });

  test('a message that is delivered again, also at once, counts once', async () => {
    const user = fresh('user');
    const message = { id: fresh('message'), body: credit(user, 5) };
    await Promise.all([consume(batch(message)), consume(batch(message, message))]);

    await expect(consume(batch(message))).resolves.toEqual({ batchItemFailures: [] });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(105);
  });

  test('only what failed is delivered again', async () => {
    const user = fresh('user');
    const debit = JSON.stringify({ userId: user, amount: 1000, type: 'debit' });
    const messages = {
      fine: { id: fresh('fine'), body: credit(user, 5) },
      notJson: { id: fresh('not-json'), body: 'five' },
      wrong: { id: fresh('wrong'), body: JSON.stringify({ userId: user, amount: '5' }) },
      uncovered: { id: fresh('uncovered'), body: debit },
    };
    const { fine, notJson, wrong, uncovered } = messages;

    await expect(consume(batch(notJson, fine, wrong, uncovered))).resolves.toEqual({
      batchItemFailures: [notJson, wrong, uncovered].map(({ id }) => ({ itemIdentifier: id })),
    });
    await expect(getCurrentBalance({ userId: user })).resolves.toBe(105);
  });
});

describe('marketplace', () => {
  test('a sale pays the seller and the platform, once however often it is sent', async () => {
    const [id, buyer, seller] = [fresh('order'), fresh('buyer'), fresh('seller')];
    const sale = { id, buyer, seller, price: 50n };
    expect(await pay(sale)).toMatchObject({ status: 'paid', isRepeated: false });
    expect(await pay(sale)).toMatchObject({ status: 'paid', isRepeated: true });
    expect(await getCurrentBalance({ userId: buyer })).toBe(50);
    expect(await getCurrentBalance({ userId: seller })).toBe(145);
  });

  test('a sale that the buyer cannot pay is declined, and nobody is paid', async () => {
    const [id, buyer, seller] = [fresh('order'), fresh('buyer'), fresh('seller')];
    const declined = await pay({ id, buyer, seller, price: 101n });
    expect(declined).toEqual({ status: 'declined', available: '100' });
    expect(await getCurrentBalance({ userId: seller })).toBe(100);
  });

  test('a transfer moves money from one user to another', async () => {
    const [from, to] = [fresh('from'), fresh('to')];
    await transfer(fresh('gift'), from, to, '0.5');
    expect(await getCurrentBalance({ userId: from })).toBe(99.5);
    expect(await getCurrentBalance({ userId: to })).toBe(100.5);
  });
});

describe('metered', () => {
  const job = () => ({ id: fresh('job'), userId: fresh('user'), estimate: '5.00' });
  const money = (userId: string) => new BalanceClient().getBalance({ userId });

  test('a job pays what it used, once however often it is run', async () => {
    const it = job();
    const run = jest.fn(async () => '3.20');
    expect(await runMetered(it, run)).toEqual({ status: 'done', charged: '3.20' });
    expect(await runMetered(it, run)).toEqual({ status: 'done', charged: '3.20' });
    expect(await money(it.userId)).toMatchObject({ balance: '96.8', held: '0' });
  });

  test('a process that dies in the middle keeps the money held until the job is repeated', async () => {
    const it = job();
    const died = runMetered(it, async () => Promise.reject(new Error('died')));
    await expect(died).rejects.toThrow('died');
    expect(await money(it.userId)).toMatchObject({ balance: '95', held: '5' });
    expect(await runMetered(it, async () => '5')).toEqual({ status: 'done', charged: '5' });
    expect(await money(it.userId)).toMatchObject({ balance: '95', held: '0' });
  });

  test('a job that used nothing pays nothing, and one that cannot be paid is not run', async () => {
    const it = job();
    expect(await runMetered(it, async () => '0')).toEqual({ status: 'done', charged: '0' });
    expect(await money(it.userId)).toMatchObject({ balance: '100', held: '0' });
    const run = jest.fn(async () => '1');
    const declined = { status: 'declined', available: '100' };
    expect(await runMetered({ ...job(), estimate: '101' }, run)).toEqual(declined);
    expect(run).not.toHaveBeenCalled();
  });
});

test('the sweep on a schedule says that it needs the index', async () => {
  await expect(sweep()).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
});

describe('opentelemetry', () => {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  const provider = new NodeTracerProvider({ spanProcessors });

  beforeAll(() => {
    provider.register();
    makeSpans();
  });

  beforeEach(() => exporter.reset());

  afterAll(() => provider.shutdown());

  function spansNamed(name: string) {
    return exporter.getFinishedSpans().filter((span) => span.name === name);
  }

  function debit(userId: string, amount: number) {
    return { idempotentKey: fresh('key'), userId, amount, type: 'debit' as const };
  }

  test('an operation is a span under the active one, and its request one under that', async () => {
    const client = new BalanceClient();
    await provider.getTracer('application').startActiveSpan('checkout', async (checkout) => {
      await client.transact(debit(fresh('user'), 1));
      checkout.end();
    });
    const [checkout] = spansNamed('checkout');
    const [operation] = spansNamed('dynamodb-balance transact');
    const [request] = spansNamed('DynamoDB TransactWriteItems');

    expect(operation?.parentSpanContext?.spanId).toBe(checkout?.spanContext().spanId);
    expect(operation?.status.code).toBe(SpanStatusCode.UNSET);
    expect(operation?.attributes).toMatchObject({
      'db.system.name': 'aws.dynamodb',
      'db.operation.name': 'transact',
      'dynamodb_balance.attempts': 1,
      'dynamodb_balance.replayed': false,
    });
    expect(request?.parentSpanContext?.spanId).toBe(operation?.spanContext().spanId);
    expect(request?.kind).toBe(SpanKind.CLIENT);
    expect(request?.attributes).toMatchObject({ 'http.response.status_code': 200 });
  });

  test('a request links to all the operations that it carried', async () => {
    const client = new BalanceClient();
    const user = fresh('user');
    await Promise.all([1, 2, 3].map((amount) => client.transact(debit(user, amount))));
    const operations = spansNamed('dynamodb-balance transact');
    const [request, ...others] = spansNamed('DynamoDB TransactWriteItems');
    const linked = request?.links.map((link) => link.context.spanId);

    expect(others).toEqual([]);
    expect(linked?.sort()).toEqual(operations.map((span) => span.spanContext().spanId).sort());
    expect(request?.attributes['db.operation.batch.size']).toBe(3);
  });

  test('what failed has its status and error.type', async () => {
    const wire = await openWire((index) =>
      index === 0 ? serviceError('ThrottlingException') : 'forward',
    );
    try {
      const client = new BalanceClient({ endpoint: wire.endpoint });
      await expect(client.transact(debit(fresh('user'), 101))).rejects.toMatchObject({
        code: 'INSUFFICIENT_BALANCE',
      });
    } finally {
      await wire.close();
    }
    const [operation] = spansNamed('dynamodb-balance transact');
    const requests = spansNamed('DynamoDB TransactWriteItems');

    expect(operation?.status).toEqual({
      code: SpanStatusCode.ERROR,
      message: 'INSUFFICIENT_BALANCE',
    });
    expect(operation?.attributes['error.type']).toBe('INSUFFICIENT_BALANCE');
    expect(requests.map(({ attributes }) => attributes['error.type'])).toEqual([
      'ThrottlingException',
      'TransactionCanceledException',
    ]);
  });
});
