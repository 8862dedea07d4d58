// Shows the snippet in a stack, and prints the template that it becomes: with the index for the
// history if that is asked for (npm run synthesize history).

import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

import { Balances } from './balances';

const stack = new Stack(new App(), 'Balances', {
  description: 'The two tables of dynamodb-balance and the policies that suffice to use them.',
});
new Balances(stack, 'Balances', { history: process.argv.includes('history') });
process.stdout.write(`${JSON.stringify(Template.fromStack(stack).toJSON(), undefined, 2)}\n`);
