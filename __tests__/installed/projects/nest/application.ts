// A NestJS application: one client for all, closed with it, and a filter that turns the package's
// errors into answers.

import 'reflect-metadata';
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  Post,
} from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import {
  BalanceClient,
  BalanceError,
  type BalanceErrorCode,
  type TransactInput,
} from 'dynamodb-balance';

@Injectable()
class Balances extends BalanceClient implements OnApplicationShutdown {
  constructor() {
    super();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }
}

const STATUSES: Partial<Record<BalanceErrorCode, number>> = {
  INVALID_AMOUNT: 400,
  INSUFFICIENT_BALANCE: 402,
  IDEMPOTENT_KEY_REUSED: 409,
};

@Catch(BalanceError)
class BalanceErrorFilter implements ExceptionFilter<BalanceError> {
  catch({ code, retryable }: BalanceError, host: ArgumentsHost): void {
    const status = STATUSES[code] ?? (retryable ? 503 : 500);
    host.switchToHttp().getResponse().status(status).json({ code });
  }
}

@Controller('transactions')
class Transactions {
  constructor(@Inject(Balances) private readonly balances: Balances) {}

  @Post()
  async create(@Body() input: TransactInput): Promise<{ balance: number }> {
    await this.balances.transact(input);
    return { balance: await this.balances.getCurrentBalance(input) };
  }
}

@Module({
  controllers: [Transactions],
  providers: [Balances, { provide: APP_FILTER, useClass: BalanceErrorFilter }],
})
class Application {}

async function post(url: string, transaction: Partial<TransactInput>): Promise<string> {
  const response = await fetch(`${url}/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(transaction),
  });
  return `${response.status} ${await response.text()}\n`;
}

async function tellStory(): Promise<void> {
  const application = await NestFactory.create(Application, { logger: ['error'] });
  application.enableShutdownHooks();
  await application.listen(0, '127.0.0.1');
  const url = await application.getUrl();
  const userId = `user-${process.pid}-${Date.now()}-${Math.random()}`;
  const debit = { idempotentKey: `${userId}-1`, userId, amount: 30.1, type: 'debit' as const };
  process.stdout.write(await post(url, debit));
  process.stdout.write(await post(url, { ...debit, idempotentKey: `${userId}-2`, amount: 500 }));
  process.stdout.write(await post(url, { ...debit, amount: -1 }));
  process.stdout.write(await post(url, { ...debit, amount: 31 }));
  await application.close();
}

void tellStory();
