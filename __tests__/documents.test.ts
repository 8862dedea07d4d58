// The documents speak of the package as it is.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { EXIT, EXIT_CODES, EXIT_CODES_HELP } from '../cli/exit-codes.js';

const root = join(__dirname, '..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');

const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'examples/README.md',
  'infrastructure/README.md',
  'docs/api/README.md',
  'docs/api/dynamodb-balance.md',
  'docs/api/testing.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** A heading as it is linked to. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-');
}

/** All that can be linked to; the second heading of one name ends with -1. */
function anchorsIn(document: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const [, heading] of text(document).matchAll(/^#+ (.+)$/gm)) {
    const name = anchor(String(heading));
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    anchors.add(count === 0 ? name : `${name}-${count}`);
  }
  return anchors;
}

test.each(documents)('every link in %s leads somewhere', (document) => {
  const links = [...text(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => String(link));
  const broken = links.filter((link) => {
    if (/^https?:/.test(link)) {
      return false;
    }
    const [path = '', fragment] = link.split('#');
    const target = path === '' ? document : join(dirname(document), path);
    if (!existsSync(join(root, target))) {
      return true;
    }
    if (fragment === undefined) {
      return false;
    }
    return !anchorsIn(target).has(fragment);
  });

  expect(broken).toEqual([]);
});

test('docs/api has every code and every option', () => {
  const reference = text('docs/api/dynamodb-balance.md');
  const declared = text('index.d.ts');
  const options = /interface BalanceClientOptions \{([\s\S]*?)\n\}/.exec(declared)?.[1] ?? '';
  const names = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => `${name}`);

  expect(names).toContain('callTimeout');
  for (const name of names) {
    expect(reference).toContain(`##### ${name}?`);
  }
  for (const code of Object.keys(EXIT_CODES)) {
    expect(reference).toContain(`- \`"${code}"\`: `);
  }
});

test('docs/command-line.md has every exit code with its errors', () => {
  const rows = [...text('docs/command-line.md').matchAll(/^\| (\d+) +\|.*$/gm)];
  const documented = new Map(rows.map(([row, exitCode]) => [Number(exitCode), row]));

  expect([...documented.keys()]).toEqual(Object.values(EXIT));
  for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
    const row = documented.get(exitCode);
    expect(row).toContain(code.startsWith('INVALID_') ? 'INVALID_…' : `\`${code}\``);
  }
});

test('--help has every exit code', () => {
  const listed = [...EXIT_CODES_HELP.matchAll(/^ {2}(\d+) /gm)].map(([, exitCode]) => exitCode);

  expect(listed.map(Number)).toEqual(Object.values(EXIT));
});

test('package.json, Cargo.toml and the changelog agree on the version', () => {
  const { version } = JSON.parse(text('package.json'));

  expect(/^version = "(.+)"$/m.exec(text('Cargo.toml'))?.[1]).toBe(version);
  expect(text('CHANGELOG.md')).toContain(`## [${version}]`);
});
