// An application's test that mocks the whole package, and keeps the class of its errors: as in docs/testing.md.

import { BalanceClient, BalanceError, transact } from 'dynamodb-balance';

jest.mock('dynamodb-balance', () => ({
  ...jest.createMockFromModule<object>('dynamodb-balance'),
  BalanceError: jest.requireActual('dynamodb-balance').BalanceError,
}));

test('functions and clients are mocks, and errors have their code', async () => {
  const failure = { code: 'OUTCOME_UNKNOWN', message: 'for this test', retryable: true } as const;
  jest.mocked(transact).mockRejectedValueOnce(new BalanceError(failure));
  const call = transact({ idempotentKey: 'key', userId: 'user', amount: 1, type: 'credit' });

  await expect(call).rejects.toThrow(BalanceError);
  await expect(call).rejects.toMatchObject({ ...failure, name: 'BalanceError' });
  expect(jest.isMockFunction(new BalanceClient().createTransaction)).toBe(true);
});

test('without keeping it, an error would be an empty mock', () => {
  const { BalanceError: Mocked } =
    jest.createMockFromModule<typeof import('dynamodb-balance')>('dynamodb-balance');

  expect(new Mocked({ code: 'OUTCOME_UNKNOWN', message: '', retryable: true }).code).toBe(
    undefined,
  );
});
