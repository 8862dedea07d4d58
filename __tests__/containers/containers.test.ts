// The packages in the images that people deploy: Alpine with its musl, Debian, AWS Lambda. Needs
// Docker; the containers reach DynamoDB Local by the network of the host.

import { makeProject } from '../installed/harness/project';

const IMAGES = [
  ['node:20-alpine', 'musl'],
  ['node:22-alpine', 'musl'],
  ['node:24-alpine', 'musl'],
  ['node:24-slim', 'glibc'],
  ['public.ecr.aws/lambda/nodejs:20', 'glibc'],
  ['public.ecr.aws/lambda/nodejs:22', 'glibc'],
] as const;

test.each(IMAGES)('%s tells the story', async (image, libc) => {
  const project = await makeProject('plain', [`--libc=${libc}`]);
  const docker = ['run', '--rm', '--network=host', '--volume', `${project.folder}:/project`];
  const settings = ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_REGION', 'AWS_ACCESS_KEY_ID']
    .concat('AWS_SECRET_ACCESS_KEY')
    .flatMap((name) => ['--env', name]);
  const program = ['--workdir=/project', '--entrypoint=node', image, 'story.cjs'];

  // What Docker says while it pulls an image goes to stderr.
  await expect(project.run('docker', ...docker, ...settings, ...program)).resolves.toMatchObject({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
  });
});
