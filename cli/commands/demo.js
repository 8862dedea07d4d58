// demo

const { EXIT } = require('../exit-codes.js');
const { refusalOf, tellStory } = require('../story.js');

/**
 * @param {import('commander').Command} program
 * @param {(result: import('../output.js').Result) => void} take
 */
function addDemo(program, take) {
  program
    .command('demo')
    .description('show what the package does, on tables in memory')
    .option('--json', 'print the story as one JSON document')
    .addHelpText(
      'after',
      `
Tells the story of an account while it happens, with the code that runs against DynamoDB. Needs no AWS account, no
Java and no network: the tables are in memory, and gone when it ends.`,
    )
    .action(async () => take(await demo()));
}

/** @returns {Promise<import('../output.js').Result>} */
async function demo() {
  const { createTestClient } = require('../../testing.js');
  const client = createTestClient();
  /** @type {{ title: string, lines: string[] }[]} */
  const chapters = [];
  const step = (/** @type {string} */ title) => chapters.push({ title, lines: [] });
  const say = (/** @type {string} */ line) => chapters[chapters.length - 1]?.lines.push(line);
  const countRecords = async (/** @type {string} */ userId) =>
    client.transactions().filter((transaction) => transaction.userId === userId).length;

  await tellStory(client, { step, say, countRecords });
  await loseAnAnswer(client, step, say);
  step('The audit: is every balance the default one plus its records?');
  const { verdict, users, records } = client.audit();
  say(`${verdict}, for ${users} users and ${records} records`);
  await client.close();
  return { document: { chapters }, text: print(chapters), exitCode: EXIT.SUCCESS };
}

/**
 * @param {import('../../testing').TestClient} client
 * @param {(title: string) => void} step
 * @param {(line: string) => void} say
 */
async function loseAnAnswer(client, step, say) {
  step('A debit of 10 whose answer is lost on its way');
  /** @type {import('../..').TransactInput} */
  const order = { idempotentKey: 'order-19', userId: 'bob', amount: 10, type: 'debit' };
  client.scriptOutcome({ code: 'OUTCOME_UNKNOWN', tookEffect: true });
  say(await refusalOf(client.transact(order)));
  say('so, again with the same key:');
  say(await refusalOf(client.transact(order)));
  const { balance } = await client.getBalance({ userId: 'bob' });
  say(`it is done, and was done once. Balance of bob: ${balance}`);
}

/** @param {{ title: string, lines: string[] }[]} chapters */
function print(chapters) {
  const told = chapters.map(({ title, lines }) => [title, ...lines.map((line) => `  ${line}`)]);
  return `${told.map((lines) => lines.join('\n')).join('\n\n')}\n\nThe same with your own code: docs/testing.md. With DynamoDB: README.md, "Quick start".`;
}

module.exports = { addDemo };
