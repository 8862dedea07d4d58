// Bundles story.cjs with webpack. An argument is a package to leave out of the bundle.

const webpack = require('webpack');

const [external] = process.argv.slice(2);

webpack(
  {
    entry: './story.cjs',
    target: 'node',
    mode: 'production',
    output: { path: `${__dirname}/dist`, filename: 'webpack.cjs' },
    ...(external === undefined ? {} : { externals: { [external]: `commonjs ${external}` } }),
  },
  (error, statistics) => {
    const report = error ?? statistics.toString({ all: false, errors: true, warnings: true });
    process.stdout.write(`${report}\n`);
    process.exitCode = error || statistics.hasErrors() ? 1 : 0;
  },
);
