// The two tables of dynamodb-balance and the policies that suffice to use them.

import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

export interface BalancesProps {
  balancesTableName?: string;
  transactionsTableName?: string;
  /**
   * Whether there is the index that `listTransactions` reads. It costs one write unit more for each
   * transaction, and limits one account to about 1,000 transactions a second: docs/history.md.
   */
  history?: boolean;
  /**
   * Whether there is the index that `listHolds` and `releaseExpiredHolds` read, and the policy that holds
   * need. Opening and closing a hold costs one write unit more each: docs/holds.md.
   */
  holds?: boolean;
}

export class Balances extends Construct {
  readonly balancesTable: Table;
  readonly transactionsTable: Table;
  /** For the program that reads balances and moves money. */
  readonly usePolicy: ManagedPolicy;
  /** For whoever lists the history of users, the program or somebody else. */
  readonly historyPolicy?: ManagedPolicy;
  /** For the program that makes and closes holds, beside the first one. */
  readonly holdsPolicy?: ManagedPolicy;
  /** For whoever runs `dynamodb-balance audit` and `tables check`. */
  readonly auditPolicy: ManagedPolicy;

  constructor(scope: Construct, id: string, props: BalancesProps = {}) {
    super(scope, id);
    const {
      balancesTableName = 'UserBalances',
      transactionsTableName = 'Transactions',
      history = false,
      holds = false,
    } = props;
    this.balancesTable = this.#table('BalancesTable', balancesTableName, 'userId');
    this.transactionsTable = this.#table(
      'TransactionsTable',
      transactionsTableName,
      'idempotentKey',
    );
    this.usePolicy = this.#policy(
      'UsePolicy',
      'Read balances and move money with dynamodb-balance',
      ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:PutItem',
        'dynamodb:ConditionCheckItem',
      ],
    );
    if (history) {
      this.historyPolicy = this.#addHistory();
    }
    if (holds) {
      this.holdsPolicy = this.#addHolds();
    }
    this.auditPolicy = this.#policy(
      'AuditPolicy',
      'Check the tables and audit the balances of dynamodb-balance',
      [
        'dynamodb:BatchGetItem',
        'dynamodb:DescribeTable',
        'dynamodb:DescribeTimeToLive',
        'dynamodb:Scan',
      ],
      ['dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive', 'dynamodb:Scan'],
    );
  }

  // Encrypted at rest with a key that AWS owns; `encryptionKey` takes one of your own.
  #table(id: string, tableName: string, key: string): Table {
    return new Table(this, id, {
      tableName,
      partitionKey: { name: key, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  #addHistory(): ManagedPolicy {
    const index = this.#addIndex('UserHistory', 'timestamp');
    return new ManagedPolicy(this, 'HistoryPolicy', {
      description: 'List the transactions of users with dynamodb-balance',
      statements: [
        new PolicyStatement({ sid: 'History', actions: ['dynamodb:Query'], resources: [index] }),
      ],
    });
  }

  #addHolds(): ManagedPolicy {
    const index = this.#addIndex('OpenHolds', 'openUntil');
    return new ManagedPolicy(this, 'HoldsPolicy', {
      description: 'Close, list and sweep holds with dynamodb-balance',
      statements: [
        new PolicyStatement({
          sid: 'Holds',
          actions: ['dynamodb:UpdateItem'],
          resources: [this.transactionsTable.tableArn],
        }),
        new PolicyStatement({
          sid: 'OpenHolds',
          actions: ['dynamodb:Query', 'dynamodb:Scan'],
          resources: [index],
        }),
      ],
    });
  }

  /** Adds an index by user; returns its ARN. */
  #addIndex(indexName: string, sortKey: string): string {
    this.transactionsTable.addGlobalSecondaryIndex({
      indexName,
      partitionKey: { name: 'userId', type: AttributeType.STRING },
      sortKey: { name: sortKey, type: AttributeType.STRING },
      projectionType: ProjectionType.ALL,
    });
    return `${this.transactionsTable.tableArn}/index/${indexName}`;
  }

  #policy(
    id: string,
    description: string,
    onBalances: string[],
    onTransactions: string[],
  ): ManagedPolicy {
    return new ManagedPolicy(this, id, {
      description,
      statements: [
        new PolicyStatement({
          sid: 'Balances',
          actions: onBalances,
          resources: [this.balancesTable.tableArn],
        }),
        new PolicyStatement({
          sid: 'Transactions',
          actions: onTransactions,
          resources: [this.transactionsTable.tableArn],
        }),
      ],
    });
  }
}
