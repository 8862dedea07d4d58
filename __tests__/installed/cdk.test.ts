// A Lambda function that the CDK bundles: the package in node_modules, for the function's processor.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, type Project } from './harness/project';

let project: Project;

beforeAll(async () => {
  project = await makeProject('cdk');
});

test('NodejsFunction packs the package for arm64 on any machine', async () => {
  await expect(project.run('node', 'app.cjs')).resolves.toMatchObject({ code: 0 });

  const assembly = join(project.folder, 'assembly');
  const asset = readdirSync(assembly).find((name) => name.startsWith('asset.')) ?? '';
  const packed = readdirSync(join(assembly, asset, 'node_modules')).filter((name) =>
    name.startsWith('dynamodb-balance'),
  );
  expect(packed).toEqual(['dynamodb-balance', 'dynamodb-balance-linux-arm64-gnu']);
});
