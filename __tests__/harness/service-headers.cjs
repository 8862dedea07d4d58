// The headers by which an answer says that it is DynamoDB's. Whatever stands in for DynamoDB sends
// them: without them an answer is somebody else's, and settles nothing.

const { randomBytes } = require('node:crypto');
const { crc32 } = require('node:zlib');

/**
 * `Date` is missing: Node's servers add it themselves.
 *
 * @param {Buffer | string} body
 * @returns {Record<string, string | number>}
 */
function serviceHeaders(body) {
  return {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amzn-requestid': randomBytes(26).toString('hex').toUpperCase(),
    'x-amz-crc32': crc32(body),
  };
}

module.exports = { serviceHeaders };
