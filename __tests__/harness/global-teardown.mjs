export default async function tearDown() {
  await Reflect.get(globalThis, 'stopDynamoDbLocal')?.();
}
