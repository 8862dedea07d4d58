// Decimals counted exactly, as whole numbers of a unit, so that no test trusts binary floating
// point either.

import type { Item } from './tables';

/** The smallest DynamoDB number is 1e-130; its 38th digit counts units of 1e-167. */
const SCALE = 170;

/** A decimal of DynamoDB without an exponent. */
export function plain(decimal: string): string {
  const sign = decimal.startsWith('-') ? '-' : '';
  const units = exactly(decimal.slice(sign.length))
    .toString()
    .padStart(SCALE + 1, '0');
  const fraction = units.slice(-SCALE).replace(/0+$/, '');
  return `${sign}${units.slice(0, -SCALE)}${fraction && `.${fraction}`}`;
}

/** A decimal in units of 1e-170. */
export function exactly(decimal: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(decimal);
  if (match === null) {
    throw new Error(`not a decimal: ${decimal}`);
  }
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const zeros = SCALE - fraction.length + Number(exponent);
  return BigInt(`${sign}${whole}${fraction}`) * 10n ** BigInt(zeros);
}

/** A JavaScript number as the shortest decimal that reads back as it: 0.1 is 0.1. */
export function shortest(number: number): bigint {
  return exactly(String(number));
}

/** What records moved in sum. */
export function sumOf(records: Item[]): bigint {
  return records.reduce((sum, record) => {
    const amount = numberIn(record, 'amount');
    return record.type?.S === 'debit' ? sum - amount : sum + amount;
  }, 0n);
}

/** A number in an item. */
export function numberIn(item: Item | undefined, attribute: string): bigint {
  const text = item?.[attribute]?.N;
  if (text === undefined) {
    throw new Error(`no number ${attribute} in ${JSON.stringify(item)}`);
  }
  return exactly(text);
}
