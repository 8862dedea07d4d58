import { defineConfig } from 'vite';

export default defineConfig({
  build: { ssr: 'story.mjs', minify: false },
  ssr: { noExternal: true, external: ['dynamodb-balance'] },
});
