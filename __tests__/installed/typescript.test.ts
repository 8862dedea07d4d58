// Projects in strict TypeScript, old and new, however they resolve modules. Every declaration is
// checked: skipLibCheck is off.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeProject, type Project, repositoryFile } from './harness/project';

// TypeScript 7 has no node10 any more.
const VERSIONS = {
  'typescript-5': ['node10', 'node16', 'nodenext', 'bundler'],
  'typescript-newest': ['node16', 'nodenext', 'bundler'],
};

const MODULES: Record<string, string> = { node10: 'commonjs', bundler: 'esnext' };

const projects = new Map<string, Project>();

beforeAll(async () => {
  for (const fixture of Object.keys(VERSIONS)) {
    const project = await makeProject(fixture);
    for (const file of ['accepted.ts', 'refused.ts']) {
      copyFileSync(repositoryFile('__tests__', 'types', file), join(project.folder, file));
    }
    projects.set(fixture, project);
  }
});

function projectOf(fixture: keyof typeof VERSIONS): Project {
  const project = projects.get(fixture);
  if (project === undefined) {
    throw new Error(`no project ${fixture}`);
  }
  return project;
}

describe.each(['typescript-5', 'typescript-newest'] as const)('%s', (fixture) => {
  test.each(VERSIONS[fixture])(
    'compiles what is right and nothing else, with %s',
    async (resolution) => {
      const module = MODULES[resolution] ?? resolution;
      const options = ['--module', module, '--moduleResolution', resolution];

      await expect(projectOf(fixture).run('tsc', '--project', '.', ...options)).resolves.toEqual({
        code: 0,
        output: '',
        complaints: '',
      });
    },
  );

  test('without types of Node, only the types of the language and the browser', async () => {
    await expect(projectOf(fixture).run('tsc', '--project', 'without-node.json')).resolves.toEqual({
      code: 0,
      output: '',
      complaints: '',
    });
  });
});

describe('programs in TypeScript', () => {
  test('run with ts-node', async () => {
    const project = projectOf('typescript-5');

    await expect(project.run('ts-node', 'story.ts')).resolves.toEqual({
      code: 0,
      output: '69.9 INSUFFICIENT_BALANCE\n',
      complaints: '',
    });
  });

  test('run with tsx', async () => {
    const project = projectOf('typescript-newest');

    await expect(project.run('tsx', 'story.ts')).resolves.toEqual({
      code: 0,
      output: '69.9 INSUFFICIENT_BALANCE\n',
      complaints: '',
    });
  });
});

test('a Jest project with ts-jest can match messages, classes and codes', async () => {
  const { output, complaints } = await projectOf('typescript-5').run('jest', '--json', '--silent');
  const { numPassedTests, numTotalTests } = JSON.parse(output);

  expect({ numPassedTests, numTotalTests, complaints: complaints.includes('FAIL') }).toEqual({
    numPassedTests: 7,
    numTotalTests: 7,
    complaints: false,
  });
});
