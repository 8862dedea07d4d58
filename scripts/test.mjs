// npm test, npm run test:watch, npm run test:coverage: sets up what is needed and hands over to
// Jest, with whatever arguments came after `--`.

import process from 'node:process';

import { run, setUp, step } from './setup.mjs';

setUp();
step('Running the tests against DynamoDB Local');
run('npx', ['jest', ...process.argv.slice(2)]);
