// A function for Lambda on arm64, bundled by the CDK on whatever machine this is: npm is told for
// which system to install.

const path = require('node:path');
const { App, Stack } = require('aws-cdk-lib');
const { Architecture, Runtime } = require('aws-cdk-lib/aws-lambda');
const { NodejsFunction } = require('aws-cdk-lib/aws-lambda-nodejs');

const app = new App({ outdir: 'assembly' });
new NodejsFunction(new Stack(app, 'Balances'), 'Handler', {
  entry: path.join(__dirname, 'handler.cjs'),
  runtime: Runtime.NODEJS_24_X,
  architecture: Architecture.ARM_64,
  bundling: {
    nodeModules: ['dynamodb-balance'],
    environment: { npm_config_os: 'linux', npm_config_cpu: 'arm64', npm_config_libc: 'glibc' },
  },
});
app.synth();
