#!/usr/bin/env node
// dynamodb-balance on the command line. Each command works out a result; here it is printed, as
// text or as one JSON document, and becomes the exit code.

const { Command, CommanderError } = require('commander');

const { addAudit } = require('./commands/audit.js');
const { addBalance } = require('./commands/balance.js');
const { addDemo } = require('./commands/demo.js');
const { addHistory } = require('./commands/history.js');
const { addHolds } = require('./commands/holds.js');
const { addTables } = require('./commands/tables.js');
const { addTransact } = require('./commands/transact.js');
const { EXIT, EXIT_CODES_HELP, exitCodeOf } = require('./exit-codes.js');
const { endQuietlyWithoutReader, writeError, writeResult } = require('./output.js');
const { version } = require('../package.json');

const DESCRIPTION = `Balances on DynamoDB: make and check the tables, read a balance, move money, print a history, release expired holds, audit everything.

Region and credentials come from where the AWS tools look for them (AWS_REGION, AWS_PROFILE, …).`;

/**
 * Carries out a command line.
 *
 * @param {string[]} argv as in process.argv
 * @returns {Promise<number>} the exit code
 */
async function main(argv) {
  const asJson = wantsJson(argv);
  /** @type {import('./output.js').Result | undefined} */
  let result;
  const program = makeProgram((made) => {
    result = made;
  });
  try {
    await program.parseAsync(argv);
    if (result === undefined) {
      throw new Error('the command had no result');
    }
    writeResult(result, asJson);
    return result.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return endUsage(error, asJson);
    }
    writeError(error, asJson);
    return exitCodeOf(error);
  }
}

/** @param {(result: import('./output.js').Result) => void} take */
function makeProgram(take) {
  const program = new Command('dynamodb-balance')
    .description(DESCRIPTION)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXIT_CODES_HELP)
    .exitOverride()
    // What is wrong is said once, by whoever ends the process.
    .configureOutput({ outputError: () => {} })
    // A word that belongs to nothing is a slip, and so is an option given twice: money must not move
    // by the rest.
    .allowExcessArguments(false)
    .showSuggestionAfterError();
  addDemo(program, take);
  addTables(program, take);
  addBalance(program, take);
  addTransact(program, take);
  addHistory(program, take);
  addHolds(program, take);
  addAudit(program, take);
  refuseRepeatedOptions(program);
  return program;
}

/** @param {Command} command */
function refuseRepeatedOptions(command) {
  for (const option of command.options) {
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) {
        command.error(`option '${option.flags}' was given twice.`);
      }
      isGiven = true;
    });
  }
  command.commands.forEach(refuseRepeatedOptions);
}

/**
 * Help and version end a command line as well, without an error.
 *
 * @param {CommanderError} error
 * @param {boolean} asJson
 */
function endUsage(error, asJson) {
  if (error.exitCode === 0) {
    return EXIT.SUCCESS;
  }
  if (error.code !== 'commander.help') {
    const complaint = error.message.replace(/^error: /, '');
    const message = `${complaint.trim()}\nNothing happened. See dynamodb-balance --help.`;
    writeError({ code: 'USAGE', message, retryable: false }, asJson);
  }
  return EXIT.USAGE;
}

/**
 * Whether the answer is to be JSON, also where the rest of the command line makes no sense.
 *
 * @param {string[]} argv
 */
function wantsJson(argv) {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

endQuietlyWithoutReader();
// Not process.exit: what is still on its way to a pipe would be lost.
void main(process.argv).then((exitCode) => {
  process.exitCode = exitCode;
});
