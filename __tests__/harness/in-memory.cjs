// What tests import as the package where they run on tables in memory: one pair of tables for each test file, as if
// nothing but the store were another one.

module.exports = require('../../testing.js').createTestModule();
