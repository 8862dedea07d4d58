// The two tables as they are, read with the AWS SDK for JavaScript straight from DynamoDB Local.

import {
  BatchGetItemCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';

import { toAmount, toCents } from './cents.mjs';

/** @typedef {Record<string, import('@aws-sdk/client-dynamodb').AttributeValue>} Item */

/** @typedef {import('./history.mjs').Recorded} Recorded */

/** When holds expired that expired before the run. */
export const LONG_AGO = new Date('2001-02-03T04:05:06.789Z');

/** What DynamoDB takes in one BatchGetItem. */
const BATCH = 100;

export class Tables {
  #client;

  /**
   * @param {string} endpoint
   * @param {string} balances the name of the table
   * @param {string} transactions the name of the table
   */
  constructor(endpoint, balances, transactions) {
    this.balances = balances;
    this.transactions = transactions;
    this.#client = new DynamoDBClient({
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
  }

  /**
   * A user's balance as it stands in the table.
   *
   * @param {string} user
   * @returns {Promise<import('./sums.mjs').Account>}
   */
  async account(user) {
    const output = await this.#client.send(
      new GetItemCommand({
        TableName: this.balances,
        Key: { userId: { S: user } },
        ConsistentRead: true,
      }),
    );
    return { balance: output.Item?.['balance']?.N, held: output.Item?.['held']?.N };
  }

  /**
   * Stores a balance as another writer would.
   *
   * @param {string} user
   * @param {number} cents
   */
  async putBalance(user, cents) {
    const Item = { userId: { S: user }, balance: { N: `${toAmount(cents)}` } };
    await this.#client.send(new PutItemCommand({ TableName: this.balances, Item }));
  }

  /**
   * The records under these keys, as far as there are any.
   *
   * @param {string[]} keys
   */
  async records(keys) {
    /** @type {Map<string, Recorded>} */
    const records = new Map();
    for (let start = 0; start < keys.length; start += BATCH) {
      /** @type {Item[]} */
      let wanted = keys.slice(start, start + BATCH).map((key) => ({ idempotentKey: { S: key } }));
      while (wanted.length > 0) {
        const output = await this.#client.send(
          new BatchGetItemCommand({
            RequestItems: { [this.transactions]: { Keys: wanted, ConsistentRead: true } },
          }),
        );
        for (const item of output.Responses?.[this.transactions] ?? []) {
          records.set(String(item['idempotentKey']?.S), recorded(item));
        }
        wanted = output.UnprocessedKeys?.[this.transactions]?.Keys ?? [];
      }
    }
    return records;
  }

  /** Every key that is in the table of transactions. */
  async allKeys() {
    return await this.#scan(this.transactions, 'idempotentKey');
  }

  /** Every user that is in the table of balances. */
  async allUsers() {
    return await this.#scan(this.balances, 'userId');
  }

  async remove() {
    for (const TableName of [this.balances, this.transactions]) {
      await this.#client.send(new DeleteTableCommand({ TableName }));
    }
    this.#client.destroy();
  }

  /**
   * @param {string} table
   * @param {string} key
   */
  async #scan(table, key) {
    /** @type {string[]} */
    const found = [];
    /** @type {Item | undefined} */
    let start;
    do {
      /** @type {import('@aws-sdk/client-dynamodb').ScanCommandOutput} */
      const page = await this.#client.send(
        new ScanCommand({
          TableName: table,
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      );
      found.push(...(page.Items ?? []).map((item) => String(item[key]?.S)));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return found;
  }
}

/**
 * @param {Item} item
 * @returns {Recorded}
 */
function recorded(item) {
  const returned = item['hold']?.S;
  return {
    user: String(item['userId']?.S),
    cents: toCents(item['amount']?.N ?? ''),
    type: String(item['type']?.S),
    group: {
      id: String(item['callId']?.S),
      index: Number(item['groupIndex']?.N ?? 0),
      size: Number(item['groupSize']?.N ?? 1),
    },
    ...(returned === undefined ? {} : { returned }),
    ...(item['holdState'] === undefined ? {} : holdIn(item)),
  };
}

/** @param {Item} item */
function holdIn(item) {
  const expiresAt = item['expiresAt']?.S;
  const captured = item['capturedAmount']?.N;
  return {
    expires: /** @type {import('./history.mjs').Expiry} */ (
      expiresAt === undefined ? 'never' : expiresAt === LONG_AGO.toISOString() ? 'past' : 'soon'
    ),
    hold: {
      state: String(item['holdState']?.S),
      captured: captured === undefined ? undefined : toCents(captured),
      closedBy: item['closedBy']?.S,
    },
  };
}
