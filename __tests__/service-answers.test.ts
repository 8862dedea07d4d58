// Every answer that DynamoDB can give to a transaction has its place: a code, whether money can
// have moved, and whether it is tried again. docs/service-answers.md is the table; each of its rows
// is a test, and a row without a test is a failure.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { BalanceClient, type BalanceError, type BalanceErrorCode } from 'dynamodb-balance';

import { fresh } from './harness/tables';
import {
  type Answer,
  cancelled,
  openWire,
  type Reaction,
  serviceError,
  type Wire,
} from './harness/wire';

/** A cancelled transaction whose reasons are more than codes. */
function reasons(...entries: object[]): Answer {
  return serviceError('TransactionCanceledException', { CancellationReasons: entries });
}

const FAILED = 'ConditionalCheckFailed';
const NONE = { Code: 'None' };
const EARLIER = { userId: { S: 'somebody' }, amount: { N: '1' }, type: { S: 'credit' } };

/** Answered to the look at the tables as well. */
const TABLE_MISSING = serviceError('ResourceNotFoundException');

/** The answers by their names in the document. */
const ANSWERS: Record<string, Reaction> = {
  'the condition of the record fails': reasons({ Code: FAILED, Item: EARLIER }, NONE),
  'the conditions of both fail': reasons({ Code: FAILED, Item: EARLIER }, { Code: FAILED }),
  'the condition of the balance fails': reasons(NONE, {
    Code: FAILED,
    Item: { balance: { N: '0.5' } },
  }),
  'the condition of the balance fails although it is covered': reasons(NONE, {
    Code: FAILED,
    Item: { balance: { N: '1' } },
  }),
  'the condition of the balance fails, and it is not a number': reasons(NONE, {
    Code: FAILED,
    Item: { balance: { S: 'much' } },
  }),
  'conflict with another transaction': cancelled('None', 'TransactionConflict'),
  'conflict on the record': cancelled('TransactionConflict', FAILED),
  'an item is throttled': cancelled('None', 'ThrottlingError'),
  'provisioned capacity is used up': cancelled('None', 'ProvisionedThroughputExceeded'),
  'the sum does not fit': reasons(NONE, {
    Code: 'ValidationError',
    Message:
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
  }),
  'the item is too large': reasons(NONE, {
    Code: 'ValidationError',
    Message: 'Item size to update has exceeded the maximum allowed size',
  }),
  'the item collection is too large': cancelled('None', 'ItemCollectionSizeLimitExceeded'),
  ProvisionedThroughputExceededException: serviceError('ProvisionedThroughputExceededException'),
  RequestLimitExceeded: serviceError('RequestLimitExceeded'),
  ThrottlingException: serviceError('ThrottlingException'),
  LimitExceededException: serviceError('LimitExceededException'),
  TransactionConflictException: serviceError('TransactionConflictException'),
  TransactionInProgressException: serviceError('TransactionInProgressException'),
  IdempotentParameterMismatchException: serviceError('IdempotentParameterMismatchException'),
  ValidationException: serviceError('ValidationException'),
  ResourceNotFoundException: TABLE_MISSING,
  'ResourceNotFoundException, but both tables are there': serviceError('ResourceNotFoundException'),
  ResourceInUseException: serviceError('ResourceInUseException'),
  AccessDeniedException: serviceError('AccessDeniedException'),
  MissingAuthenticationTokenException: serviceError('MissingAuthenticationTokenException'),
  UnrecognizedClientException: serviceError('UnrecognizedClientException'),
  ExpiredTokenException: serviceError('ExpiredTokenException'),
  InvalidSignatureException: serviceError('InvalidSignatureException'),
  'InvalidSignatureException, because the clock is wrong': serviceError(
    'InvalidSignatureException',
    { message: 'Signature expired: 20200101T000000Z is now earlier than 20261123T000000Z' },
  ),
  'another error of the request': serviceError('SomethingNewException'),
  InternalServerError: serviceError('InternalServerError', {}, 500),
  ServiceUnavailable: serviceError('ServiceUnavailable', {}, 503),
  'another error of the service': serviceError('SomethingNewException', {}, 500),
  'an error without a code': { status: 400, body: '{}' },
  'an answer that is not DynamoDB’s': { status: 502, body: '<html>Bad Gateway</html>' },
  'garbage instead of an answer': { status: 200, body: 'garbage' },
  'an answer cut short': 'cut the answer',
  'a connection cut after the request': 'lose the request',
  'no answer at all': 'hang',
};

interface Row {
  name: string;
  code: BalanceErrorCode;
  canHaveMoved: boolean;
  isTriedAgain: boolean;
}

/** The rows of the document's table. */
function documented(): Row[] {
  const text = readFileSync(join(__dirname, '..', 'docs', 'service-answers.md'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (answer|---)/.test(line))
    .map((line) => {
      const [name = '', code = '', moved, again] = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim());
      return {
        name,
        code: code as BalanceErrorCode,
        canHaveMoved: moved === 'perhaps',
        isTriedAgain: again === 'yes',
      };
    });
}

let wire: Wire | undefined;

afterAll(() => wire?.close());

async function debitThrough(reaction: Reaction): Promise<BalanceError> {
  await wire?.close();
  wire = await openWire((_index, { operation }) =>
    operation === 'DescribeTable' && reaction !== TABLE_MISSING ? 'forward' : reaction,
  );
  const client = new BalanceClient({
    endpoint: wire.endpoint,
    attemptTimeout: 400,
    callTimeout: 1000,
  });
  const input = { idempotentKey: fresh('key'), userId: fresh('user'), amount: 1 } as const;
  return await client.transact({ ...input, type: 'debit' }).then(
    () => {
      throw new Error('it succeeded');
    },
    (error: BalanceError) => error,
  );
}

test('the document has a row for each answer, and only those', () => {
  expect(documented().map(({ name }) => name)).toEqual(Object.keys(ANSWERS));
});

describe.each(documented())('$name', ({ name, code, canHaveMoved, isTriedAgain }) => {
  let error: BalanceError;

  beforeAll(async () => {
    error = await debitThrough(ANSWERS[name] ?? 'hang');
  });

  test(`is told as ${code}`, () => {
    expect(error.code).toBe(code);
  });

  test(
    canHaveMoved ? 'says that money may have moved' : 'does not say that money may have moved',
    () => {
      expect(/may or may not have moved/.test(error.message)).toBe(canHaveMoved);
    },
  );

  test(isTriedAgain ? 'is tried again' : 'is not tried again', () => {
    const attempts = (wire?.passed ?? []).filter(({ body }) => body.includes('"Put"'));

    expect(attempts.length > 1).toBe(isTriedAgain);
  });
});
