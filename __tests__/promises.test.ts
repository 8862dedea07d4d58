// docs/promises.md names a test for each promise. They exist, and no promise of reliability.md is missing.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const promises = text('docs/promises.md');

/** Each `file › title`. */
const named = [...promises.matchAll(/`([\w./-]+) › ([^`]+)`/g)].map(
  ([, file, title]) => [String(file), String(title)] as const,
);

/** Whether a file has a test of exactly this name. */
function hasTest(file: string, title: string): boolean {
  const source = text(file);
  if (file.endsWith('.rs')) {
    return new RegExp(
      `#\\[(tokio::)?test[^\\n]*\\]\\s+(#\\[[^\\n]*\\]\\s+)*(async )?fn ${title}\\(`,
    ).test(source);
  }
  return (
    ["'", '"', '`'].some((quote) => source.includes(`(${quote}${title}${quote},`)) ||
    // With a table the title stands on a line of its own.
    ["'", '"', '`'].some((quote) => source.includes(`  ${quote}${title}${quote},\n`))
  );
}

test('there are tests for promises', () => {
  expect(named.length).toBeGreaterThan(40);
});

test.each(named)('%s has the test › %s', (file, title) => {
  expect(existsSync(join(root, file))).toBe(true);
  expect(hasTest(file, title)).toBe(true);
});

test('every numbered promise of reliability.md has its row', () => {
  const list = [...text('docs/reliability.md').matchAll(/^(\d+)\. \*\*/gm)].map(
    ([, number]) => number,
  );
  const rows = [...promises.matchAll(/^\| (\d+)\. /gm)].map(([, number]) => number);
  expect(list.length).toBeGreaterThan(0);
  expect([...new Set(rows)]).toEqual(list);
});

test('every row names a test', () => {
  const rows = promises.split('\n').filter((line) => /^\| (?!promise |-)/.test(line));
  expect(rows.filter((row) => !row.includes(' › '))).toEqual([]);
});
