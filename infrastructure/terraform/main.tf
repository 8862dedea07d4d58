# The two tables of dynamodb-balance and the policies that suffice to use them.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "balances_table_name" {
  type    = string
  default = "UserBalances"
}

variable "transactions_table_name" {
  type    = string
  default = "Transactions"
}

# The index that listTransactions reads. It costs one write unit more for each transaction, and limits
# one account to about 1,000 transactions a second: docs/history.md.
variable "history" {
  type    = bool
  default = false
}

# The index that listHolds and releaseExpiredHolds read, and the permissions that holds need. Opening and
# closing a hold costs one write unit more each: docs/holds.md.
variable "holds" {
  type    = bool
  default = false
}

# Encrypted at rest with a key that AWS owns. For a KMS key of your own, add
# server_side_encryption { enabled = true, kms_key_arn = … } to both tables, and kms:Decrypt to the
# policies.
resource "aws_dynamodb_table" "balances" {
  name                        = var.balances_table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "userId"
  deletion_protection_enabled = true

  attribute {
    name = "userId"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "transactions" {
  name                        = var.transactions_table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "idempotentKey"
  deletion_protection_enabled = true

  attribute {
    name = "idempotentKey"
    type = "S"
  }

  dynamic "attribute" {
    for_each = concat(
      var.history || var.holds ? ["userId"] : [],
      var.history ? ["timestamp"] : [],
      var.holds ? ["openUntil"] : [],
    )
    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.history ? ["UserHistory"] : []
    content {
      name            = global_secondary_index.value
      hash_key        = "userId"
      range_key       = "timestamp"
      projection_type = "ALL"
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.holds ? ["OpenHolds"] : []
    content {
      name            = global_secondary_index.value
      hash_key        = "userId"
      range_key       = "openUntil"
      projection_type = "ALL"
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# For the program that reads balances and moves money.
data "aws_iam_policy_document" "use" {
  statement {
    sid       = "Balances"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.balances.arn]
  }

  statement {
    sid = "Transactions"
    actions = [
      "dynamodb:GetItem",
      "dynamodb:BatchGetItem",
      "dynamodb:PutItem",
      "dynamodb:ConditionCheckItem",
    ]
    resources = [aws_dynamodb_table.transactions.arn]
  }
}

resource "aws_iam_policy" "use" {
  name_prefix = "dynamodb-balance-use-"
  description = "Read balances and move money with dynamodb-balance"
  policy      = data.aws_iam_policy_document.use.json
}

# For whoever lists the history of users, the program or somebody else.
data "aws_iam_policy_document" "history" {
  statement {
    sid       = "History"
    actions   = ["dynamodb:Query"]
    resources = ["${aws_dynamodb_table.transactions.arn}/index/UserHistory"]
  }
}

resource "aws_iam_policy" "history" {
  count       = var.history ? 1 : 0
  name_prefix = "dynamodb-balance-history-"
  description = "List the transactions of users with dynamodb-balance"
  policy      = data.aws_iam_policy_document.history.json
}

# For the program that makes and closes holds, beside the first one.
data "aws_iam_policy_document" "holds" {
  statement {
    sid       = "Holds"
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.transactions.arn]
  }

  statement {
    sid       = "OpenHolds"
    actions   = ["dynamodb:Query", "dynamodb:Scan"]
    resources = ["${aws_dynamodb_table.transactions.arn}/index/OpenHolds"]
  }
}

resource "aws_iam_policy" "holds" {
  count       = var.holds ? 1 : 0
  name_prefix = "dynamodb-balance-holds-"
  description = "Close, list and sweep holds with dynamodb-balance"
  policy      = data.aws_iam_policy_document.holds.json
}

# For whoever runs dynamodb-balance audit and tables check.
data "aws_iam_policy_document" "audit" {
  statement {
    sid = "Balances"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:Scan",
    ]
    resources = [aws_dynamodb_table.balances.arn]
  }

  statement {
    sid       = "Transactions"
    actions   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:Scan"]
    resources = [aws_dynamodb_table.transactions.arn]
  }
}

resource "aws_iam_policy" "audit" {
  name_prefix = "dynamodb-balance-audit-"
  description = "Check the tables and audit the balances of dynamodb-balance"
  policy      = data.aws_iam_policy_document.audit.json
}

output "use_policy_arn" {
  description = "Attach it to the role of the program"
  value       = aws_iam_policy.use.arn
}

output "history_policy_arn" {
  description = "Attach it to the role of whoever lists the history of users; null without the index"
  value       = one(aws_iam_policy.history[*].arn)
}

output "holds_policy_arn" {
  description = "Attach it to the role of the program that makes and closes holds; null without the index"
  value       = one(aws_iam_policy.holds[*].arn)
}

output "audit_policy_arn" {
  description = "Attach it to the role of whoever audits"
  value       = aws_iam_policy.audit.arn
}
