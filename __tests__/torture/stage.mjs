// Everything that a run needs around the package: DynamoDB Local, the proxy, tables of its own.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { startDynamoDbLocal } from '../../scripts/dynamodb-local.mjs';
import { DEFAULT_BALANCE, toAmount, toCents } from './cents.mjs';
import { checkLinearizability } from './checker.mjs';
import { CONDITIONS } from './conditions.mjs';
import { FAULTS } from './faults.mjs';
import { movesOf } from './history.mjs';
import { openProxy, SPARED } from './proxy.mjs';
import { checkSums, WINDOW } from './sums.mjs';
import { Tables } from './tables.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./figures.mjs').Figures} Figures */
/** @typedef {import('../../index.js').BalanceClientOptions} BalanceClientOptions */

/** Short, so that requests often take effect when their caller has long given the attempt up. */
const ATTEMPT_TIMEOUT = 1000;

/** Covers whatever is held, in cents. */
const CREDIT_AFTER_WINDOW = 100_000;

/** How long to wait between two looks at the tables while calls are under way, in milliseconds. */
const BETWEEN_LOOKS = 20;

/**
 * Calls that make a fresh Java process compile what it runs. Before that it is so slow that most
 * attempts of 40 callers run into their deadline, which would measure Java.
 */
const WARM_UP_CALLS = 360;
const WARM_UP_CALLERS = 12;

/** @type {typeof import('../../index.js')} */
const { BalanceClient } = createRequire(import.meta.url)('../..');

/**
 * Opens the stage: on the endpoint that the environment names, or on a DynamoDB Local of its own.
 *
 * @param {object} options
 * @param {number | string} options.seed
 * @param {number} options.faults the share of requests that meet a fault
 * @param {number} options.callTimeout in milliseconds
 * @param {string} [options.only] the one fault there is, instead of all
 * @param {Figures} figures
 */
export async function openStage({ seed, faults, callTimeout, only }, figures) {
  const names = [...FAULTS, ...CONDITIONS];
  if (only !== undefined && !names.includes(only)) {
    throw new Error(`there is no fault ${only}; there are: ${names.join(', ')}`);
  }
  // The AWS SDK for JavaScript need not advertise newer Node versions.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const given = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
  const local =
    given === undefined
      ? await startDynamoDbLocal()
      : { endpoint: given, stop: () => Promise.resolve() };
  const proxy = await openProxy({
    target: local.endpoint,
    seed,
    share: faults,
    attemptTimeout: ATTEMPT_TIMEOUT,
    only,
  });
  return new Stage(local, proxy, figures, callTimeout);
}

export class Stage {
  #local;
  #proxy;
  #figures;
  #callTimeout;
  #start = process.hrtime.bigint();
  #tables;
  /** @type {Set<string>} */
  #users = new Set();
  /** @type {Set<string>} */
  #keys = new Set();
  #isTableMade = false;

  /**
   * @param {{ endpoint: string, stop: () => Promise<void> }} local
   * @param {import('./proxy.mjs').Proxy} proxy
   * @param {Figures} figures
   * @param {number} callTimeout
   */
  constructor(local, proxy, figures, callTimeout) {
    this.#local = local;
    this.#proxy = proxy;
    this.#figures = figures;
    this.#callTimeout = callTimeout;
    this.#tables = this.#newTables();
  }

  /** The clock's start, for worker processes. */
  get start() {
    return String(this.#start);
  }

  /** Nanoseconds since the start. */
  elapsed() {
    return Number(process.hrtime.bigint() - this.#start);
  }

  /** How the workers reach the tables: through the proxy. */
  options() {
    return { ...this.#settings(), endpoint: this.#proxy.endpoint };
  }

  /** The same, for workers whose requests meet no fault. */
  sparedOptions() {
    return {
      ...this.options(),
      credentials: { accessKeyId: SPARED, secretAccessKey: 'local' },
    };
  }

  /** @returns {BalanceClientOptions} */
  #settings() {
    return {
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      balancesTable: this.#tables.balances,
      transactionsTable: this.#tables.transactions,
      attemptTimeout: ATTEMPT_TIMEOUT,
      callTimeout: this.#callTimeout,
    };
  }

  #newTables() {
    const run = randomUUID();
    return new Tables(this.#local.endpoint, `UserBalances-${run}`, `Transactions-${run}`);
  }

  /**
   * Begins a round: under conditions of its own, with the balances that some users have.
   *
   * @param {string} round
   * @param {import('./cents.mjs').Openings} openings
   */
  async begin(round, openings) {
    for (const [user, cents] of openings) {
      await this.#tables.putBalance(user, cents);
    }
    this.#proxy.begin(round);
  }

  /** How workers come by their credentials in this round. */
  get credentials() {
    return this.#proxy.conditions.credentials;
  }

  /** Makes empty tables; those before must add up as a whole, and are removed. */
  async freshTables() {
    if (this.#isTableMade) {
      await this.#closeTables();
      this.#tables = this.#newTables();
    }
    const client = new BalanceClient({
      ...this.#settings(),
      endpoint: this.#local.endpoint,
      attemptTimeout: 60_000,
      callTimeout: 60_000,
    });
    await client.createTables();
    if (!this.#isTableMade) {
      await this.#warmUp(client);
    }
    this.#isTableMade = true;
  }

  /** @param {InstanceType<typeof BalanceClient>} client */
  async #warmUp(client) {
    const callers = Array.from({ length: WARM_UP_CALLERS }, async (_, caller) => {
      const userId = `warm-up-${caller}`;
      this.#users.add(userId);
      for (let call = 0; call < WARM_UP_CALLS / WARM_UP_CALLERS; call += 1) {
        const idempotentKey = `${userId}-${call}`;
        this.#keys.add(idempotentKey);
        await client.transact({ idempotentKey, userId, amount: 1, type: 'credit' });
      }
    });
    await Promise.all(callers);
  }

  /**
   * Reads balances straight from DynamoDB Local while work is under way. What it sees belongs to
   * the history like any caller's read.
   *
   * @param {string[]} users
   * @param {Promise<unknown>} work
   * @param {import('./cents.mjs').Openings} openings
   */
  async watch(users, work, openings) {
    /** @type {Operation[]} */
    const looks = [];
    let isOver = false;
    const look = async () => {
      for (let turn = 0; !isOver; turn += 1) {
        const user = String(users[turn % users.length]);
        const invoked = this.elapsed();
        const balance = (await this.#tables.balance(user)) ?? String(DEFAULT_BALANCE / 100);
        const answer = { code: 'READ', balance };
        const answered = this.elapsed();
        const call = /** @type {const} */ ({ kind: 'read', by: 'getBalance', user });
        looks.push({ call, answer, invoked, answered, client: 'look' });
        const cents = toCents(balance);
        if (cents === undefined || cents < Math.min(0, openings.get(user) ?? 0)) {
          this.#figures.complaints.push(`during the run, ${user} had ${balance}`);
        }
        await sleep(BETWEEN_LOOKS);
      }
    };
    const watching = look();
    try {
      await work;
    } finally {
      isOver = true;
      await watching;
    }
    this.#figures.looks += looks.length;
    return looks;
  }

  /**
   * Waits until the window of docs/protocol.md is over, and gives a credit to each user about whom
   * the proxy holds a request. After that none of these may take effect.
   *
   * @param {string} round
   * @returns {Promise<Operation[]>} the credits
   */
  async outlastWindow(round) {
    const { held } = this.#proxy;
    const { users, keys } = held;
    if (held.size === 0) {
      return [];
    }
    await sleep(WINDOW);
    const client = new BalanceClient({ ...this.#settings(), endpoint: this.#local.endpoint });
    const credits = users.map(async (user) => {
      const key = `${round}-after-the-window-${user}`;
      const move = /** @type {const} */ ({ user, key, cents: CREDIT_AFTER_WINDOW, type: 'credit' });
      const invoked = this.elapsed();
      await client.transact({
        idempotentKey: key,
        userId: user,
        amount: toAmount(move.cents),
        type: move.type,
      });
      /** @type {Operation['call']} */
      const call = { kind: 'write', by: 'transact', moves: [move] };
      const answer = { code: 'CONFIRMED' };
      return { call, answer, invoked, answered: this.elapsed(), client: 'after the window' };
    });
    const operations = await Promise.all(credits);
    const before = await this.#tables.records(keys);
    this.#figures.heldPastWindow += held.size;
    await this.#proxy.quiet();
    for (const key of (await this.#tables.records(keys)).keys()) {
      if (!before.has(key)) {
        this.#figures.complaints.push(`${key} took effect after the window was over`);
      }
    }
    return operations;
  }

  /**
   * Waits until the last late request has taken effect, and judges what happened.
   *
   * @param {string[]} users
   * @param {Operation[]} operations
   * @param {Operation[]} looks
   * @param {import('./cents.mjs').Openings} openings
   */
  async judge(users, operations, looks, openings) {
    await this.#proxy.quiet();
    const keys = new Set(operations.flatMap(({ call }) => movesOf(call).map(({ key }) => key)));
    const records = await this.#tables.records([...keys]);
    /** @type {Map<string, string | undefined>} */
    const balances = new Map();
    for (const user of users) {
      balances.set(user, await this.#tables.balance(user));
      this.#users.add(user);
    }
    for (const key of records.keys()) {
      this.#keys.add(key);
    }
    this.#figures.count(operations);
    this.#figures.countLanded(operations, records);
    this.#figures.complaints.push(...checkSums(operations, balances, records, openings));
    const recordOf = (/** @type {string} */ key) => {
      const record = records.get(key);
      return record?.cents === undefined ? undefined : record;
    };
    this.#figures.judge(checkLinearizability([...operations, ...looks], recordOf, openings));
    this.#figures.addEvidence(this.#proxy.journal);
    this.#proxy.journal = [];
    this.#figures.requests = this.#proxy.requests;
    this.#figures.faults = this.#proxy.met;
  }

  /** Nothing may be in the tables that no round asked for. */
  async #closeTables() {
    for (const key of await this.#tables.allKeys()) {
      if (!this.#keys.has(key)) {
        this.#figures.complaints.push(`nobody asked for the record ${key}`);
      }
    }
    for (const user of await this.#tables.allUsers()) {
      if (!this.#users.has(user)) {
        this.#figures.complaints.push(`nobody asked for the balance of ${user}`);
      }
    }
    this.#keys.clear();
    this.#users.clear();
    await this.#tables.remove();
  }

  async close() {
    await this.#closeTables();
    await this.#proxy.close();
    await this.#local.stop();
  }
}
