// CloudFormation, CDK, Terraform and the README describe the same tables and the same permissions.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse as parseHcl } from '@cdktf/hcl2json';
import { parse as parseYaml } from 'yaml';

const root = join(__dirname, '..');
const text = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

/** What a description comes to, whatever its language. */
interface Description {
  tables: Record<string, { key: string; type: string; onDemand: boolean; guarded: boolean }>;
  /** Actions on the table of balances, and on that of transactions. */
  policies: Record<string, [string[], string[]]>;
}

const CONTRACT: Description = {
  tables: {
    UserBalances: { key: 'userId', type: 'S', onDemand: true, guarded: true },
    Transactions: { key: 'idempotentKey', type: 'S', onDemand: true, guarded: true },
  },
  policies: {
    use: [
      ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
      ['dynamodb:ConditionCheckItem', 'dynamodb:PutItem'],
    ],
    audit: [
      [
        'dynamodb:BatchGetItem',
        'dynamodb:DescribeTable',
        'dynamodb:DescribeTimeToLive',
        'dynamodb:Scan',
      ],
      ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive', 'dynamodb:Scan'],
    ],
  },
};

// biome-ignore lint/suspicious/noExplicitAny: templates have no types.
type Template = any;

function describeTemplate(template: Template): Description {
  const resources = Object.entries<Template>(template.Resources);
  const ofType = (type: string) => resources.filter(([, { Type }]) => Type === type);
  const nameOf = (name: Template) =>
    typeof name === 'string' ? name : template.Parameters[name.Ref].Default;
  const tables = ofType('AWS::DynamoDB::Table').map(([id, resource]) => {
    const properties = resource.Properties;
    const [key, ...moreKeys] = properties.KeySchema;
    const [attribute, ...moreAttributes] = properties.AttributeDefinitions;
    expect([key.KeyType, moreKeys, moreAttributes]).toEqual(['HASH', [], []]);
    expect(attribute.AttributeName).toBe(key.AttributeName);
    const table = {
      key: key.AttributeName,
      type: attribute.AttributeType,
      onDemand: properties.BillingMode === 'PAY_PER_REQUEST',
      guarded:
        properties.DeletionProtectionEnabled === true &&
        properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled === true &&
        resource.DeletionPolicy === 'Retain' &&
        resource.UpdateReplacePolicy === 'Retain',
    };
    return { id, name: nameOf(properties.TableName), table };
  });
  const idOf = (wanted: string) => tables.find(({ name }) => name === wanted)?.id ?? 'none';
  const policies = ofType('AWS::IAM::ManagedPolicy').map(([id, { Properties }]) => {
    const statements = Properties.PolicyDocument.Statement;
    expect(statements).toHaveLength(2);
    const actionsOn = (table: string) =>
      statements.find(({ Effect, Resource }: Template) => {
        const arn = Resource['Fn::GetAtt'];
        return Effect === 'Allow' && String(arn) === `${idOf(table)},Arn`;
      })?.Action;
    const word = id.includes('Audit') ? 'audit' : 'use';
    return [word, [actionsOn('UserBalances')?.sort(), actionsOn('Transactions')?.sort()]];
  });
  return {
    tables: Object.fromEntries(tables.map(({ name, table }) => [name, table])),
    policies: Object.fromEntries(policies),
  };
}

test('CloudFormation', () => {
  // !Ref and !GetAtt in their long form, as JSON templates have them.
  const customTags = [
    { tag: '!Ref', resolve: (name: string) => ({ Ref: name }) },
    { tag: '!GetAtt', resolve: (path: string) => ({ 'Fn::GetAtt': path.split('.') }) },
  ];
  const template = parseYaml(text('infrastructure', 'cloudformation.yaml'), { customTags });

  expect(describeTemplate(template)).toEqual(CONTRACT);
});

test('CDK: the snippet compiles, and becomes the same', async () => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'synthesize.mjs')]);

  expect(describeTemplate(JSON.parse(text('target', 'infrastructure', 'cdk.json')))).toEqual(
    CONTRACT,
  );
}, 300_000);

test('Terraform', async () => {
  const parsed: Template = await parseHcl(
    'main.tf',
    text('infrastructure', 'terraform', 'main.tf'),
  );
  const defaultOf = (reference: string) =>
    parsed.variable[/^\$\{var\.(\w+)\}$/.exec(reference)?.[1] ?? 'none'][0].default;
  const tables = Object.values<Template>(parsed.resource.aws_dynamodb_table).map(([table]) => {
    const [attribute, ...more] = table.attribute;
    expect([attribute.name, more]).toEqual([table.hash_key, []]);
    const description = {
      key: table.hash_key,
      type: attribute.type,
      onDemand: table.billing_mode === 'PAY_PER_REQUEST',
      guarded:
        table.deletion_protection_enabled === true &&
        table.point_in_time_recovery[0].enabled === true &&
        table.lifecycle[0].prevent_destroy === true,
    };
    return [defaultOf(table.name), description];
  });
  const documents = Object.entries<Template>(parsed.data.aws_iam_policy_document);
  const policies = documents.map(([name, [{ statement }]]) => {
    expect(statement).toHaveLength(2);
    const actionsOn = (table: string) =>
      statement
        .find(
          ({ resources }: Template) => String(resources) === `\${aws_dynamodb_table.${table}.arn}`,
        )
        ?.actions.sort();
    return [name, [actionsOn('balances'), actionsOn('transactions')]];
  });

  expect({
    tables: Object.fromEntries(tables),
    policies: Object.fromEntries(policies),
  }).toEqual(CONTRACT);
  expect(Object.keys(parsed.resource.aws_iam_policy).sort()).toEqual(['audit', 'use']);
});

test('the policy in the README', () => {
  const [, policy = ''] = /```json\n(\{\s*"Version"[\s\S]*?)```/.exec(text('README.md')) ?? [];
  const statements: Template[] = JSON.parse(policy).Statement;
  const actionsOn = (table: string) =>
    statements.find(({ Resource }) => Resource.endsWith(`:table/${table}`))?.Action.sort();

  expect(statements).toHaveLength(2);
  expect([actionsOn('UserBalances'), actionsOn('Transactions')]).toEqual(CONTRACT.policies['use']);
});
