export default { serverExternalPackages: ['dynamodb-balance'] };
