// Numbers from the command line. A JavaScript number holds about 17 digits: text that it could
// only hold by rounding is refused, because money would be moved that nobody asked for.

const { InvalidArgumentError } = require('commander');

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * @param {string} text
 * @returns {number} the number that is exactly what the text says
 */
function parseExactNumber(text) {
  const match = DECIMAL.exec(text);
  if (match === null) {
    throw new InvalidArgumentError(
      'It must be a decimal number such as 30.1, with a point and without separators.',
    );
  }
  const number = Number(text);
  if (!Number.isFinite(number) || normalize(String(number)) !== normalize(text)) {
    throw new InvalidArgumentError(
      `A JavaScript number cannot hold it exactly; the nearest one is ${number}.`,
    );
  }
  return number;
}

/**
 * The same spelling for the same decimal: its digits without zeros at either end, and where the
 * point is.
 *
 * @param {string} text
 */
function normalize(text) {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const zeros = digits.length - significant.length;
  return significant === ''
    ? '0'
    : `${sign}${significant}e${Number(exponent) - fraction.length + zeros}`;
}

module.exports = { parseExactNumber };
