// Shows the snippet in a stack, and prints the template that it becomes: with the indexes that are asked
// for (npm run synthesize history holds).

import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

import { Balances } from './balances';

const stack = new Stack(new App(), 'Balances', {
  description: 'The two tables of dynamodb-balance and the policies that suffice to use them.',
});
const isWanted = (name: string) => process.argv.includes(name);
new Balances(stack, 'Balances', { history: isWanted('history'), holds: isWanted('holds') });
process.stdout.write(`${JSON.stringify(Template.fromStack(stack).toJSON(), undefined, 2)}\n`);
