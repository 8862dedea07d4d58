// CloudFormation, CDK, Terraform and the README describe the same tables and the same permissions.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse as parseHcl } from '@cdktf/hcl2json';
import { parse as parseYaml, type Tags } from 'yaml';

const root = join(__dirname, '..');
const text = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

/** What a description comes to, whatever its language. */
interface Description {
  tables: Record<
    string,
    { key: string; types: Record<string, string>; onDemand: boolean; guarded: boolean }
  >;
  /** Keys and projection of the index for the history, and the actions on it. */
  history?: { name: string; keys: string[]; projection: string; actions: string[] };
  /** Actions on the table of balances, and on that of transactions. */
  policies: Record<string, [string[], string[]]>;
}

const CONTRACT: Description = {
  tables: {
    UserBalances: { key: 'userId', types: { userId: 'S' }, onDemand: true, guarded: true },
    Transactions: {
      key: 'idempotentKey',
      types: { idempotentKey: 'S' },
      onDemand: true,
      guarded: true,
    },
  },
  policies: {
    use: [
      ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
      [
        'dynamodb:BatchGetItem',
        'dynamodb:ConditionCheckItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
      ],
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

/** The same with the index. Nothing that works without it may have another permission for it. */
const CONTRACT_WITH_HISTORY: Description = {
  ...CONTRACT,
  tables: {
    ...CONTRACT.tables,
    Transactions: {
      key: 'idempotentKey',
      types: { idempotentKey: 'S', userId: 'S', timestamp: 'S' },
      onDemand: true,
      guarded: true,
    },
  },
  history: {
    name: 'UserHistory',
    keys: ['userId', 'timestamp'],
    projection: 'ALL',
    actions: ['dynamodb:Query'],
  },
};

// biome-ignore lint/suspicious/noExplicitAny: templates have no types.
type Template = any;

const NOTHING = Symbol('AWS::NoValue');

/** A template as CloudFormation carries it out, whose conditions are all met or none of them is. */
function withConditions(template: Template, areMet: boolean): Template {
  const resolve = (value: Template): Template => {
    if (Array.isArray(value)) {
      return value.map(resolve).filter((element) => element !== NOTHING);
    }
    if (value === null || typeof value !== 'object') {
      return value;
    }
    if (value.Ref === 'AWS::NoValue') {
      return NOTHING;
    }
    if ('Fn::If' in value) {
      return resolve(value['Fn::If'][areMet ? 1 : 2]);
    }
    const entries = Object.entries<Template>(value).map(([name, inner]) => [name, resolve(inner)]);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== NOTHING));
  };
  const isThere = ([, { Condition }]: [string, Template]) => areMet || Condition === undefined;
  return {
    ...template,
    Resources: resolve(
      Object.fromEntries(Object.entries<Template>(template.Resources).filter(isThere)),
    ),
  };
}

function describeTemplate(template: Template): Description {
  const resources = Object.entries<Template>(template.Resources);
  const ofType = (type: string) => resources.filter(([, { Type }]) => Type === type);
  const nameOf = (name: Template) =>
    typeof name === 'string' ? name : template.Parameters[name.Ref].Default;
  const tables = ofType('AWS::DynamoDB::Table').map(([id, resource]) => {
    const properties = resource.Properties;
    const [key, ...moreKeys] = properties.KeySchema;
    expect([key.KeyType, moreKeys]).toEqual(['HASH', []]);
    const table = {
      key: key.AttributeName,
      types: Object.fromEntries(
        properties.AttributeDefinitions.map(({ AttributeName, AttributeType }: Template) => [
          AttributeName,
          AttributeType,
        ]),
      ),
      onDemand: properties.BillingMode === 'PAY_PER_REQUEST',
      guarded:
        properties.DeletionProtectionEnabled === true &&
        properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled === true &&
        resource.DeletionPolicy === 'Retain' &&
        resource.UpdateReplacePolicy === 'Retain',
    };
    const indexes = properties.GlobalSecondaryIndexes ?? [];
    return { id, name: nameOf(properties.TableName), table, indexes };
  });
  const idOf = (wanted: string) => tables.find(({ name }) => name === wanted)?.id ?? 'none';
  const isOfHistory = ([id]: [string, Template]) => id.includes('History');
  const allPolicies = ofType('AWS::IAM::ManagedPolicy');
  const policies = allPolicies
    .filter((policy) => !isOfHistory(policy))
    .map(([id, { Properties }]) => {
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
  const [index, ...moreIndexes] = tables.flatMap(({ name, indexes }) =>
    indexes.map((found: Template) => ({ table: name, ...found })),
  );
  const ofHistory = allPolicies.filter(isOfHistory);
  expect([moreIndexes, ofHistory.length]).toEqual([[], index === undefined ? 0 : 1]);
  return {
    tables: Object.fromEntries(tables.map(({ name, table }) => [name, table])),
    policies: Object.fromEntries(policies),
    ...(index && { history: describeIndex(index, ofHistory[0]?.[1], idOf('Transactions')) }),
  };
}

function describeIndex(index: Template, policy: Template, tableId: string) {
  const [statement, ...more] = policy.Properties.PolicyDocument.Statement;
  expect([index.table, more, statement.Effect]).toEqual(['Transactions', [], 'Allow']);
  expect(index.KeySchema.map(({ KeyType }: Template) => KeyType)).toEqual(['HASH', 'RANGE']);
  // CloudFormation writes it as one text, CDK as parts.
  const resource = JSON.stringify(statement.Resource).replace(/[^\w/.]/g, '');
  expect(resource).toContain(tableId);
  expect(resource).toMatch(/Arn\/index\/UserHistory$/);
  return {
    name: index.IndexName,
    keys: index.KeySchema.map(({ AttributeName }: Template) => AttributeName),
    projection: index.Projection.ProjectionType,
    actions: [statement.Action].flat(),
  };
}

test('CloudFormation', () => {
  // The short forms in their long form, as JSON templates have them.
  const customTags: Tags = [
    { tag: '!Ref', resolve: (name: string) => ({ Ref: name }) },
    { tag: '!GetAtt', resolve: (path: string) => ({ 'Fn::GetAtt': path.split('.') }) },
    { tag: '!Sub', resolve: (text: string) => ({ 'Fn::Sub': text }) },
    { tag: '!If', collection: 'seq', resolve: (list: Template) => ({ 'Fn::If': list.toJSON() }) },
    { tag: '!Equals', collection: 'seq', resolve: (list: Template) => list.toJSON() },
  ];
  const template = parseYaml(text('infrastructure', 'cloudformation.yaml'), { customTags });

  expect(template.Parameters.History.Default).toBe('false');
  expect(describeTemplate(withConditions(template, false))).toEqual(CONTRACT);
  expect(describeTemplate(withConditions(template, true))).toEqual(CONTRACT_WITH_HISTORY);
});

test('CDK: the snippet compiles, and becomes the same', async () => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'synthesize.mjs')]);

  const template = (name: string) => JSON.parse(text('target', 'infrastructure', name));
  expect(describeTemplate(template('cdk.json'))).toEqual(CONTRACT);
  expect(describeTemplate(template('cdk-history.json'))).toEqual(CONTRACT_WITH_HISTORY);
}, 300_000);

test('Terraform', async () => {
  const parsed: Template = await parseHcl(
    'main.tf',
    text('infrastructure', 'terraform', 'main.tf'),
  );
  const defaultOf = (reference: string) =>
    parsed.variable[/^\$\{var\.(\w+)\}$/.exec(reference)?.[1] ?? 'none'][0].default;
  const tables = Object.values<Template>(parsed.resource.aws_dynamodb_table).map(([table]) => {
    const description = {
      key: table.hash_key,
      types: Object.fromEntries(table.attribute.map(({ name, type }: Template) => [name, type])),
      onDemand: table.billing_mode === 'PAY_PER_REQUEST',
      guarded:
        table.deletion_protection_enabled === true &&
        table.point_in_time_recovery[0].enabled === true &&
        table.lifecycle[0].prevent_destroy === true,
    };
    return [defaultOf(table.name), description];
  });
  const documents = Object.entries<Template>(parsed.data.aws_iam_policy_document);
  const policies = documents
    .filter(([name]) => name !== 'history')
    .map(([name, [{ statement }]]) => {
      expect(statement).toHaveLength(2);
      const actionsOn = (table: string) =>
        statement
          .find(
            ({ resources }: Template) =>
              String(resources) === `\${aws_dynamodb_table.${table}.arn}`,
          )
          ?.actions.sort();
      return [name, [actionsOn('balances'), actionsOn('transactions')]];
    });

  expect({
    tables: Object.fromEntries(tables),
    policies: Object.fromEntries(policies),
  }).toEqual(CONTRACT);
  expect(describeTerraformHistory(parsed)).toEqual({
    history: CONTRACT_WITH_HISTORY.history,
    types: CONTRACT_WITH_HISTORY.tables['Transactions']?.types,
  });
  expect(Object.keys(parsed.resource.aws_iam_policy).sort()).toEqual(['audit', 'history', 'use']);
});

/** What the variable `history` adds, which is off by default. */
function describeTerraformHistory(parsed: Template) {
  const [table] = parsed.resource.aws_dynamodb_table.transactions;
  const [attributes] = table.dynamic.attribute;
  const [index] = table.dynamic.global_secondary_index;
  const [policy] = parsed.resource.aws_iam_policy.history;
  const [{ statement }] = parsed.data.aws_iam_policy_document.history;
  const wanted = (each: string) =>
    JSON.parse(/^\$\{var\.history \? (\[.*\]) : \[\]\}$/.exec(each)?.[1] ?? 'null');
  expect(parsed.variable.history[0].default).toBe(false);
  expect(policy.count).toBe(`\${var.history ? 1 : 0}`);
  expect(statement).toHaveLength(1);
  expect(statement[0].resources).toEqual([
    `\${aws_dynamodb_table.transactions.arn}/index/UserHistory`,
  ]);
  const [{ hash_key, range_key, projection_type }] = index.content;
  const [{ type }] = attributes.content;
  const types = wanted(attributes.for_each).map((name: string) => [name, type]);
  return {
    history: {
      name: String(wanted(index.for_each)),
      keys: [hash_key, range_key],
      projection: projection_type,
      actions: statement[0].actions,
    },
    types: { [table.hash_key]: 'S', ...Object.fromEntries(types) },
  };
}

test('the policy in the README', () => {
  const [, policy = ''] = /```json\n(\{\s*"Version"[\s\S]*?)```/.exec(text('README.md')) ?? [];
  const statements: Template[] = JSON.parse(policy).Statement;
  const actionsOn = (table: string) =>
    statements.find(({ Resource }) => Resource.endsWith(`:table/${table}`))?.Action.sort();

  expect(statements).toHaveLength(2);
  expect([actionsOn('UserBalances'), actionsOn('Transactions')]).toEqual(CONTRACT.policies['use']);
});
