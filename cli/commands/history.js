// history USER

const { InvalidArgumentError, Option } = require('commander');

const { EXIT } = require('../exit-codes.js');
const { parseInstant } = require('../instant.js');
const { untilInterrupted } = require('../interruption.js');
const { grouped, quote, writeLines } = require('../output.js');
const { addSettings, clientOptions } = require('../settings.js');

const DEFAULT_LIMIT = 100;
/** The most transactions of one page of the library. */
const MAX_PAGE = 1000;

/** @typedef {import('../..').Transaction} Transaction */

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addHistory(program, take) {
  const command = program
    .command('history <user>')
    .description("print a user's transactions; changes nothing")
    .option(
      '--from <time>',
      'only transactions at or after this time: a day in UTC, or a time with its zone',
      parseInstant,
    )
    .option('--to <time>', 'only transactions before this time', parseInstant)
    .addOption(
      new Option('--order <order>', 'which transactions come first (default: newest)').choices([
        'newest',
        'oldest',
      ]),
    )
    .option('--limit <count>', `how many at most (default: ${DEFAULT_LIMIT})`, parseCount);
  addSettings(command, 'print one JSON object per line, for machines')
    .addHelpText(
      'after',
      `
Amounts have all of their digits. With --json, each line is a transaction as listTransactions returns it,
with its amount as text. An error is printed as a separate line and sets the exit code. If the name of a
user begins with a dash, write two dashes before it: history -- -x

Needs the index UserHistory (tables create --history), and dynamodb:Query on it. It is eventually
consistent: a transaction can appear a moment after it was confirmed.

Examples:
  dynamodb-balance history alice --limit 20
  dynamodb-balance history alice --from 2024-05-01 --to 2024-06-01 --order oldest --json`,
    )
    .action(async (user, options) => take(await printHistory(user, options)));
}

/**
 * @param {string} text
 * @returns {number}
 */
function parseCount(text) {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  }
  return count;
}

/**
 * @param {string} userId
 * @param {Record<string, any>} options
 * @returns {Promise<import('../output.js').Result>}
 */
async function printHistory(userId, options) {
  const { json: asJson = false, limit = DEFAULT_LIMIT } = options;
  const { BalanceClient } = require('../..');
  const client = new BalanceClient(clientOptions(options));
  await untilInterrupted(
    async () => {
      const write = asJson ? writeJson : new Table().write;
      let left = limit;
      /** @type {string | undefined} */
      let cursor;
      do {
        const page = await client.listTransactions({
          userId,
          ...picked(options, ['from', 'to', 'order']),
          limit: Math.min(left, MAX_PAGE),
          ...(cursor !== undefined && { cursor }),
        });
        const hasReader = await write(page.transactions);
        left -= page.transactions.length;
        cursor = hasReader ? page.cursor : undefined;
      } while (cursor !== undefined && left > 0);
      if (cursor !== undefined && !asJson) {
        await writeLines([`There are more than ${grouped(limit)}: see --limit.`]);
      }
    },
    asJson,
    () => 'Interrupted. Nothing was changed.',
  );
  return { exitCode: EXIT.SUCCESS };
}

/**
 * @param {Record<string, any>} options
 * @param {string[]} names
 */
function picked(options, names) {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}

/** @param {Transaction[]} transactions */
function writeJson(transactions) {
  return writeLines(transactions.map((transaction) => JSON.stringify(transaction)));
}

/** Rows whose columns are as wide as they need to be, so far: a history is not kept in memory. */
class Table {
  #isBegun = false;
  #widths = { type: 'credit'.length, whole: 1, fraction: 0, key: 'KEY'.length };

  /** @param {Transaction[]} transactions */
  write = (transactions) => {
    const rows = transactions.map(toRow);
    for (const row of rows) {
      for (const name of /** @type {const} */ (['type', 'whole', 'fraction', 'key'])) {
        this.#widths[name] = Math.max(this.#widths[name], row[name].length);
      }
    }
    const header = this.#isBegun ? [] : [this.#header(rows.length)];
    this.#isBegun = true;
    return writeLines([...header, ...rows.map((row) => this.#line(row))]);
  };

  /** @param {number} count */
  #header(count) {
    const { type, whole, fraction } = this.#widths;
    return count === 0
      ? 'No transactions.'
      : `${'TIME'.padEnd(24)}  ${'TYPE'.padEnd(type)}  ${'AMOUNT'.padStart(whole + fraction)}  KEY`;
  }

  /** @param {ReturnType<typeof toRow>} row */
  #line({ timestamp, type, whole, fraction, key, rest }) {
    const { type: types, whole: wholes, fraction: fractions, key: keys } = this.#widths;
    const amount = `${whole.padStart(wholes)}${fraction.padEnd(fractions)}`;
    return `${timestamp.padEnd(24)}  ${type.padEnd(types)}  ${amount}  ${key.padEnd(keys)}  ${rest}`.trimEnd();
  }
}

/** @param {Transaction} transaction */
function toRow({ timestamp, type, amount, idempotentKey, metadata, malformed }) {
  const [, whole = '', fraction = ''] = /^([^.]*)(.*)$/s.exec(amount) ?? [];
  const notes = [
    ...(metadata === undefined ? [] : [quoteAll(metadata)]),
    ...(malformed === undefined ? [] : [`(malformed: ${malformed})`]),
  ];
  return {
    timestamp: harmlessWord(timestamp),
    type: harmlessWord(type),
    whole: harmlessWord(whole),
    fraction: harmlessWord(fraction),
    key: quote(idempotentKey),
    rest: notes.join(' '),
  };
}

/**
 * What is a plain word in every record of this package stays one; anything else is quoted.
 *
 * @param {string} text
 */
function harmlessWord(text) {
  return /^[\w.:+-]*$/.test(text) ? text : quote(text);
}

/** @param {Record<string, string>} metadata */
function quoteAll(metadata) {
  return Object.entries(metadata)
    .map(([name, value]) => `${harmlessWord(name)}=${quote(value)}`)
    .join(' ');
}

module.exports = { addHistory };
