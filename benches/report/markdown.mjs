// How numbers and tables are written.

/** @param {number} number */
export function spellNumber(number) {
  return number.toLocaleString('en', { maximumSignificantDigits: number < 1000 ? 3 : 4 });
}

/** @param {number | undefined} number */
export function spell(number) {
  return number === undefined ? '' : spellNumber(number);
}

/**
 * The median and the 99th percentile of latencies.
 *
 * @param {number | undefined} p50
 * @param {number | undefined} p99
 */
export function spellLatency(p50, p99) {
  return p50 === undefined ? '' : `${spell(p50)} / ${spell(p99)}`;
}

/** @param {number} callers */
export function spellCallers(callers) {
  return callers.toLocaleString('en');
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return spellNumber(bytes / 1e6);
}

/**
 * @param {string} name
 * @param {string} description
 */
export function image(name, description) {
  return `![${description}](benchmarks/${name}.svg)`;
}

/**
 * @param {string[]} header
 * @param {string[][]} rows
 */
export function table(header, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
