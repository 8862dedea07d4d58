// npm run torture:bugs: proves that the torture finds bugs. Breaks a copy of the package with each
// patch in bugs/, builds it, and demands that the torture fails, where the unbroken copy passes.
//
//   node bugs.mjs [--seed S] [--attempts N] [--check] [--json] [patch…]
//
// A patch says in its second line, after "Hunt with:", which run finds it soonest, where that is not
// the usual one. `--check` only applies each patch and has cargo check the result.
//
// The copy and what cargo builds stay in the system's temporary folder, so that only the first bug
// takes minutes.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATCHES = fileURLToPath(new URL('bugs', import.meta.url));
const WORKSHOP = join(tmpdir(), 'dynamodb-balance-bugs');
const COPY = join(WORKSHOP, 'copy');

/** What the package and its torture consist of. */
const COPIED = [
  'Cargo.toml',
  'Cargo.lock',
  'build.rs',
  'index.js',
  'client.js',
  'client',
  'tracing.js',
  'index.d.ts',
  'answers.js',
  'package.json',
  'src',
  'scripts',
  '__tests__/torture',
  '__tests__/harness/service-headers.cjs',
];

/** More faults than usual: what a bug needs to show comes sooner. */
const FAULTS = '0.4';

/** What a run tells at most, in bytes: the evidence of thousands of complaints. */
const MAX_FIGURES = 256 * 1024 * 1024;

/** Calls of one attempt to find a bug. */
const CALLS = 960;

/** Shorter than usual, in milliseconds: a held request keeps its caller waiting until then. */
const CALL_TIMEOUT = 2000;

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    attempts: { type: 'string', default: '3' },
    check: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const names = readdirSync(PATCHES)
  .filter((name) => name.endsWith('.patch'))
  .map((name) => basename(name, '.patch'))
  .filter((name) => positionals.length === 0 || positionals.includes(name))
  .sort();

if (values.check) {
  for (const name of names) {
    plant(name);
    run('cargo', ['check', '--locked']);
  }
  process.stdout.write(`\n  ${names.length} patches apply and compile\n`);
  process.exit();
}

process.stderr.write('\n> no bug\n');
restore();
build();
const control = hunt('nothing', [], 1);
if (control.isFound) {
  throw new Error(`the package fails as it is: ${control.complaint}`);
}

/** @type {{ name: string, isFound: boolean, calls: number, complaint: string }[]} */
const results = [];
for (const name of names) {
  const hunting = plant(name);
  build();
  const result = hunt(name, hunting, Number(values.attempts));
  results.push(result);
  process.stderr.write(
    result.isFound
      ? `  found after ${result.calls} calls: ${result.complaint}\n`
      : `  NOT FOUND in ${result.calls} calls\n`,
  );
}

const found = results.filter(({ isFound }) => isFound).length;
process.stdout.write(
  values.json
    ? `${JSON.stringify({ planted: results.length, found, results })}\n`
    : `\n  ${found} of ${results.length} planted bugs were found\n`,
);
process.exitCode = found === results.length && found > 0 ? 0 : 1;

/** A copy as the sources are now. What cargo built stays. */
function restore() {
  mkdirSync(COPY, { recursive: true });
  for (const path of COPIED) {
    rmSync(join(COPY, path), { recursive: true, force: true });
    // Cargo goes by the time of a change: an unpatched file must not look older than its build.
    cpSync(join(ROOT, path), join(COPY, path), { recursive: true });
  }
  rmSync(join(COPY, 'node_modules'), { recursive: true, force: true });
  symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'), 'junction');
}

/**
 * Breaks a fresh copy.
 *
 * @param {string} name
 * @returns {string[]} the run that the patch asks for
 */
function plant(name) {
  const patch = join(PATCHES, `${name}.patch`);
  const [subject, second = ''] = readFileSync(patch, 'utf8').split('\n');
  process.stderr.write(`\n> ${name}: ${subject}\n`);
  restore();
  run('git', ['apply', '-C1', '--verbose', patch]);
  const [, hunting = ''] = /^Hunt with: (.*)$/.exec(second) ?? [];
  return [...hunting.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

function build() {
  run('npx', ['napi', 'build', '--platform', '--js', 'binding.js', '--dts', 'binding.d.ts']);
}

/**
 * @param {string} name
 * @param {string[]} hunting a script and its options, or nothing for the usual ones
 * @param {number} attempts
 */
function hunt(name, [script = 'run.mjs', ...options], attempts) {
  let calls = 0;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const seed = `${values.seed}-${attempt}`;
    const child = spawnSync(
      'node',
      [
        `__tests__/torture/${script}`,
        '--json',
        '--until-failure',
        '--faults',
        FAULTS,
        '--seed',
        seed,
        ...(script === 'run.mjs'
          ? ['--calls', `${CALLS}`, '--call-timeout', `${CALL_TIMEOUT}`]
          : []),
        ...options,
      ],
      {
        cwd: COPY,
        encoding: 'utf8',
        maxBuffer: MAX_FIGURES,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    if (child.stdout === '') {
      // It did not come to a judgement, which proves nothing.
      throw new Error(`the torture of ${name} broke down`);
    }
    const figures = JSON.parse(child.stdout);
    calls += figures.calls;
    if (figures.complaints.length > 0) {
      return { name, isFound: true, calls, complaint: String(figures.complaints[0]) };
    }
  }
  return { name, isFound: false, calls, complaint: '' };
}

/**
 * @param {string} command
 * @param {string[]} commandArguments
 */
function run(command, commandArguments) {
  const child = spawnSync(command, commandArguments, {
    cwd: COPY,
    env: { ...process.env, CARGO_TARGET_DIR: join(WORKSHOP, 'target') },
    encoding: 'utf8',
  });
  if (child.status !== 0) {
    throw new Error(
      `${command} ${commandArguments.join(' ')} failed\n${child.stdout}${child.stderr}`,
    );
  }
}
