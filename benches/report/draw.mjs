// node benches/report/draw.mjs [FOLDER]: writes the report and its plots again, from the raw results
// in FOLDER/benchmarks/results.json. The folder is docs, unless another one is named.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { root, run } from '../../scripts/setup.mjs';
import { drawPlots } from './plots.mjs';
import { writeGoals, writeReport } from './report.mjs';

/** @param {string} folder */
export async function draw(folder) {
  const raw = readFileSync(`${folder}/benchmarks/results.json`, 'utf8');
  /** @type {import('../measure/results.d.ts').Results} */
  const results = JSON.parse(raw);
  for (const [name, plot] of Object.entries(await drawPlots(results))) {
    writeFileSync(`${folder}/benchmarks/${name}`, plot);
  }
  writeFileSync(`${folder}/benchmarks.md`, writeReport(results));
  writeFileSync(`${folder}/benchmarks/goals.md`, writeGoals(results));
}

/**
 * @param {string} folder
 * @param {import('../measure/results.d.ts').Results} results
 */
export function keep(folder, results) {
  mkdirSync(`${folder}/benchmarks`, { recursive: true });
  writeFileSync(`${folder}/benchmarks/results.json`, JSON.stringify(results));
}

/** The linter wants columns that line up. @param {string} folder */
export function format(folder) {
  run('npx', ['biome', 'format', '--write', `${folder}/benchmarks.md`, `${folder}/benchmarks`]);
}

if (import.meta.url === pathToFileURL(String(process.argv[1])).href) {
  const folder = process.argv[2] ?? `${root}docs`;
  await draw(folder);
  if (process.argv[2] === undefined) {
    format(folder);
  }
}
