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
import { keysOf } from './history.mjs';
import { openProxy, SPARED } from './proxy.mjs';
import { checkSums, WINDOW } from './sums.mjs';
import { BY_SWEEPER, sweepsAmong, sweepWhile } from './sweepers.mjs';
import { Tables } from './tables.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */
/** @typedef {import('./figures.mjs').Figures} Figures */
/** @typedef {import('../../index.js').BalanceClientOptions} BalanceClientOptions */

/** Short, so that requests often take effect when their caller has long given the attempt up. */
const ATTEMPT_TIMEOUT = 1000;

/** Covers whatever is held, in cents. */
const CREDIT_AFTER_WINDOW = 100_000;

const SWEEPERS = 2;

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
  /** Holds that somebody was told to have released as expired, since the tables are new. */
  #released = 0;

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
    await client.createTables({ holds: true });
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
        const { balance = String(DEFAULT_BALANCE / 100), held = '0' } =
          await this.#tables.account(user);
        const answer = { code: 'READ', balance, held };
        const answered = this.elapsed();
        const call = /** @type {const} */ ({ kind: 'read', by: 'getBalance', user });
        looks.push({ call, answer, invoked, answered, client: 'look' });
        const cents = toCents(balance);
        const isBelow = cents === undefined || cents < Math.min(0, openings.get(user) ?? 0);
        if (isBelow || (toCents(held) ?? -1) < 0) {
          this.#figures.complaints.push(`during the run, ${user} had ${balance}, and ${held} held`);
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
   * Sweeps expired holds while work is under way, through the proxy like the workers.
   *
   * @param {Promise<unknown>} work
   */
  async sweep(work) {
    const clients = Array.from({ length: SWEEPERS }, () => new BalanceClient(this.options()));
    const { released, complaints } = await sweepWhile(clients, work);
    await Promise.all(clients.map((client) => client.close()));
    this.#released += released;
    this.#figures.swept += released;
    this.#figures.complaints.push(...complaints);
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
    for (const [key, record] of await this.#tables.records(keys)) {
      if (JSON.stringify(before.get(key)) !== JSON.stringify(record)) {
        this.#figures.complaints.push(`${key} took effect after the window was over`);
      }
    }
    return operations;
  }

  /**
   * Waits until the last late request has taken effect, and judges what happened.
   *
   * @param {string[]} users
   * @param {Operation[]} heard
   * @param {Operation[]} looks
   * @param {import('./cents.mjs').Openings} openings
   */
  async judge(users, heard, looks, openings) {
    await this.#proxy.quiet();
    const records = await this.#tables.records(keysAmong(heard));
    const operations = [...heard, ...sweepsAmong(heard, records)].map((operation) =>
      withOwner(operation, records),
    );
    /** @type {Map<string, import('./sums.mjs').Account>} */
    const accounts = new Map();
    for (const user of users) {
      accounts.set(user, await this.#tables.account(user));
      this.#users.add(user);
    }
    for (const key of records.keys()) {
      this.#keys.add(key);
    }
    this.#released += heard.filter(isReleasedAsExpired).length;
    this.#figures.count(operations);
    this.#figures.countLanded(operations, records);
    this.#figures.complaints.push(...checkSums(operations, accounts, records, openings));
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

  /** Nothing may be in the tables that no round asked for, and no hold was released by two. */
  async #closeTables() {
    const keys = await this.#tables.allKeys();
    const swept = keys.filter((key) => key.endsWith(BY_SWEEPER)).length;
    if (this.#released > swept) {
      this.#figures.complaints.push(`${swept} expired holds were released ${this.#released} times`);
    }
    this.#released = 0;
    for (const key of keys) {
      // Sweepers also come by after a round was judged.
      const hold = key.endsWith(BY_SWEEPER) ? key.slice(0, -BY_SWEEPER.length) : key;
      if (!this.#keys.has(key) && !this.#keys.has(hold)) {
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

/**
 * All keys that calls, or a sweeper of the holds that they made, may have used.
 *
 * @param {Operation[]} operations
 */
function keysAmong(operations) {
  const keys = operations.flatMap(({ call }) => {
    const isHold = call.kind === 'write' && call.by === 'createHold';
    return isHold ? keysOf(call).flatMap((key) => [key, `${key}${BY_SWEEPER}`]) : keysOf(call);
  });
  return [...new Set(keys)];
}

/** @param {Operation} operation */
function isReleasedAsExpired({ call, answer }) {
  return call.kind === 'close' && call.key.endsWith(BY_SWEEPER) && answer.code === 'CONFIRMED';
}

/**
 * A hold never changes its owner: the record tells whose a call has closed.
 *
 * @param {Operation} operation
 * @param {Map<string, import('./history.mjs').Recorded>} records
 * @returns {Operation}
 */
function withOwner(operation, records) {
  const { call } = operation;
  const owner = call.kind === 'close' ? records.get(call.hold)?.user : undefined;
  return call.kind === 'close' && owner !== undefined
    ? { ...operation, call: { ...call, users: [owner] } }
    : operation;
}
