// npm run outages: how long calls take to go through again after an outage, beside the AWS SDK for
// JavaScript, with whatever arguments came after `--`. About four minutes.

import process from 'node:process';

import { run, setUp, step } from './setup.mjs';

setUp();
step('Measuring outages (other work on this machine spoils the numbers)');
run('node', ['benches/outages/run.mjs', ...process.argv.slice(2)]);
