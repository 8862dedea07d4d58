// CloudFormation, CDK, Terraform and the README describe the same tables and the same permissions.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse as parseHcl } from '@cdktf/hcl2json';
import { parse as parseYaml, type Tags } from 'yaml';

const root = join(__dirname, '..');
const text = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

/** An index that can be asked for, and the actions on it and, because of it, on its table. */
interface Index {
  name: string;
  keys: string[];
  projection: string;
  actions: string[];
  tableActions: string[];
}

/** What a description comes to, whatever its language. */
interface Description {
  tables: Record<
    string,
    { key: string; types: Record<string, string>; onDemand: boolean; guarded: boolean }
  >;
  indexes: Index[];
  /** Actions on the table of balances, and on that of transactions. */
  policies: Record<string, [string[], string[]]>;
}

type Wish = 'history' | 'holds';

const INDEXES: Record<Wish, Index> = {
  history: {
    name: 'UserHistory',
    keys: ['userId', 'timestamp'],
    projection: 'ALL',
    actions: ['dynamodb:Query'],
    tableActions: [],
  },
  holds: {
    name: 'OpenHolds',
    keys: ['userId', 'openUntil'],
    projection: 'ALL',
    actions: ['dynamodb:Query', 'dynamodb:Scan'],
    tableActions: ['dynamodb:UpdateItem'],
  },
};

/** Nothing that works without an index may have another permission for it. */
const POLICIES: Description['policies'] = {
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
};

/** What a description with some indexes has to come to. */
function contract(wishes: Wish[]): Description {
  const indexes = wishes.map((wish) => INDEXES[wish]);
  const names = ['idempotentKey', ...indexes.flatMap(({ keys }) => keys)];
  const guarded = { onDemand: true, guarded: true };
  return {
    tables: {
      UserBalances: { key: 'userId', types: { userId: 'S' }, ...guarded },
      Transactions: {
        key: 'idempotentKey',
        types: Object.fromEntries(names.map((name) => [name, 'S'])),
        ...guarded,
      },
    },
    indexes,
    policies: POLICIES,
  };
}

const WISHES: Wish[][] = [[], ['history'], ['holds'], ['history', 'holds']];

// biome-ignore lint/suspicious/noExplicitAny: templates have no types.
type Template = any;

const NOTHING = Symbol('AWS::NoValue');

/** A template as CloudFormation carries it out where these of its conditions are met. */
function withConditions(template: Template, met: string[]): Template {
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
      const [condition, then, unmet] = value['Fn::If'];
      return resolve(met.includes(condition) ? then : unmet);
    }
    const entries = Object.entries<Template>(value).map(([name, inner]) => [name, resolve(inner)]);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== NOTHING));
  };
  const isThere = ([, { Condition }]: [string, Template]) =>
    Condition === undefined || met.includes(Condition);
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
  const wishOf = (id: string) =>
    (['history', 'holds'] as const).find((wish) => id.toLowerCase().includes(wish));
  const allPolicies = ofType('AWS::IAM::ManagedPolicy');
  const policies = allPolicies
    .filter(([id]) => wishOf(id) === undefined)
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
  const ofIndexes = allPolicies.flatMap(([id, policy]) => {
    const wish = wishOf(id);
    return wish === undefined ? [] : [[INDEXES[wish].name, policy]];
  });
  const policyOf: Record<string, Template> = Object.fromEntries(ofIndexes);
  const indexes = tables.flatMap(({ name, indexes: all }) =>
    all.map((index: Template) => {
      expect(name).toBe('Transactions');
      return describeIndex(index, policyOf[index.IndexName], idOf('Transactions'));
    }),
  );
  expect(ofIndexes).toHaveLength(indexes.length);
  return {
    tables: Object.fromEntries(tables.map(({ name, table }) => [name, table])),
    indexes,
    policies: Object.fromEntries(policies),
  };
}

function describeIndex(index: Template, policy: Template, tableId: string): Index {
  expect(index.KeySchema.map(({ KeyType }: Template) => KeyType)).toEqual(['HASH', 'RANGE']);
  const actionsOn = (resource: RegExp) =>
    policy.Properties.PolicyDocument.Statement.filter(({ Effect, Resource }: Template) => {
      expect(Effect).toBe('Allow');
      // CloudFormation writes it as one text, CDK as parts.
      const text = JSON.stringify(Resource).replace(/[^\w/.]/g, '');
      expect(text).toContain(tableId);
      return resource.test(text);
    }).flatMap(({ Action }: Template) => Action);
  return {
    name: index.IndexName,
    keys: index.KeySchema.map(({ AttributeName }: Template) => AttributeName),
    projection: index.Projection.ProjectionType,
    actions: actionsOn(new RegExp(`Arn/index/${index.IndexName}$`)),
    tableActions: actionsOn(/Arn$/),
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
    { tag: '!Condition', resolve: (name: string) => ({ Condition: name }) },
    { tag: '!Or', collection: 'seq', resolve: (list: Template) => list.toJSON() },
  ];
  const template = parseYaml(text('infrastructure', 'cloudformation.yaml'), { customTags });
  const conditions = { history: 'HasHistory', holds: 'HasHolds' };

  expect(template.Parameters.History.Default).toBe('false');
  expect(template.Parameters.Holds.Default).toBe('false');
  expect(template.Conditions.HasIndex).toEqual([
    { Condition: 'HasHistory' },
    { Condition: 'HasHolds' },
  ]);
  for (const wishes of WISHES) {
    const met = wishes.map((wish) => conditions[wish]);
    const carriedOut = withConditions(template, met.length > 0 ? [...met, 'HasIndex'] : []);
    expect(describeTemplate(carriedOut)).toEqual(contract(wishes));
  }
});

test('CDK: the snippet compiles, and becomes the same', async () => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'synthesize.mjs')]);

  for (const wishes of WISHES) {
    const name = `${['cdk', ...wishes].join('-')}.json`;
    const template = JSON.parse(text('target', 'infrastructure', name));
    expect(describeTemplate(template)).toEqual(contract(wishes));
  }
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
    .filter(([name]) => !(name in INDEXES))
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
    indexes: [],
    policies: Object.fromEntries(policies),
  }).toEqual(contract([]));
  for (const wish of ['history', 'holds'] as const) {
    expect(describeTerraformIndex(parsed, wish)).toEqual(INDEXES[wish]);
  }
  expect(terraformAttributes(parsed)).toEqual([
    ['var.history || var.holds', 'userId'],
    ['var.history', 'timestamp'],
    ['var.holds', 'openUntil'],
  ]);
  expect(Object.keys(parsed.resource.aws_iam_policy).sort()).toEqual([
    'audit',
    'history',
    'holds',
    'use',
  ]);
});

/** What a variable adds, which is off by default. */
function describeTerraformIndex(parsed: Template, wish: Wish): Index {
  const [table] = parsed.resource.aws_dynamodb_table.transactions;
  const wanted = `\${var.${wish} ? ["${INDEXES[wish].name}"] : []}`;
  const index = table.dynamic.global_secondary_index.find(
    ({ for_each }: Template) => for_each === wanted,
  );
  const [policy] = parsed.resource.aws_iam_policy[wish];
  const [{ statement }] = parsed.data.aws_iam_policy_document[wish];
  expect(parsed.variable[wish][0].default).toBe(false);
  expect(policy.count).toBe(`\${var.${wish} ? 1 : 0}`);
  const { name } = INDEXES[wish];
  const arn = `\${aws_dynamodb_table.transactions.arn}`;
  const actionsOn = (resource: string) =>
    statement
      .filter(({ resources }: Template) => String(resources) === resource)
      .flatMap(({ actions }: Template) => actions);
  expect(statement).toHaveLength(wish === 'holds' ? 2 : 1);
  const [{ hash_key, range_key, projection_type }] = index.content;
  return {
    name,
    keys: [hash_key, range_key],
    projection: projection_type,
    actions: actionsOn(`${arn}/index/${name}`),
    tableActions: actionsOn(arn),
  };
}

/** Attributes that are defined for indexes, and when. */
function terraformAttributes(parsed: Template): [string, string][] {
  const [table] = parsed.resource.aws_dynamodb_table.transactions;
  const [attributes] = table.dynamic.attribute;
  expect(attributes.content[0].type).toBe('S');
  const each = String(attributes.for_each).matchAll(/(var[^?]+?) \? \["(\w+)"\] : \[\]/g);
  return Array.from(each, ([, when = '', name = '']) => [when, name]);
}

test('the policy in the README', () => {
  const [, policy = ''] = /```json\n(\{\s*"Version"[\s\S]*?)```/.exec(text('README.md')) ?? [];
  const statements: Template[] = JSON.parse(policy).Statement;
  const actionsOn = (table: string) =>
    statements.find(({ Resource }) => Resource.endsWith(`:table/${table}`))?.Action.sort();

  expect(statements).toHaveLength(2);
  expect([actionsOn('UserBalances'), actionsOn('Transactions')]).toEqual(POLICIES['use']);
});
