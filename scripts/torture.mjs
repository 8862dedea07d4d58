// npm run torture, npm run torture:crash, npm run torture:bugs: sets up what is needed and hands
// over, with whatever arguments came after `--`.

import process from 'node:process';

import { run, setUp, step } from './setup.mjs';

const [subject = 'run', ...rest] = process.argv.slice(2);
setUp();
step('Torturing');
run('node', [`__tests__/torture/${subject}.mjs`, ...rest]);
