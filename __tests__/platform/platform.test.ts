// The package for the platform that this runs on, installed from its tarball.

import { makeProject } from '../installed/harness/project';

test('Node tells the story', async () => {
  const project = await makeProject('plain');

  await expect(project.run(process.execPath, 'story.cjs')).resolves.toEqual({
    code: 0,
    output: '69.9 INSUFFICIENT_BALANCE true\n',
    complaints: '',
  });
});
