//! What a definite answer means for the call that asked.

use std::fmt::Write as _;

use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::store::{ExistingRecord, Record};
use crate::transaction::{Transaction, TransactionType, UserId};

/// The stored balance is not a number.
pub fn corrupt_balance(user_id: &UserId) -> BalanceError {
    BalanceError::new(
        ErrorCode::CorruptBalance,
        format!(
            "Corrupt balance: the stored balance of user {:?} is not a number. Nothing was \
             changed; repair the item before calling again.",
            user_id.as_str()
        ),
    )
}

/// Whether this very call wrote what was found.
pub fn is_of_same_call(record: &Record, existing: &ExistingRecord) -> bool {
    existing.call_id.as_ref() == Some(&record.call_id.to_string())
}

/// The key is recorded: by this very call, or by another one.
pub fn judge_taken_key(record: &Record, existing: &ExistingRecord) -> Result<(), BalanceError> {
    // An earlier attempt of this very call committed and its answer was lost.
    if is_of_same_call(record, existing) {
        return Ok(());
    }
    let mut message = format!(
        "Duplicate transaction: This idempotentKey has already been used.{}",
        record.transaction.idempotent_key.as_str()
    );
    let differences = differences(record, existing);
    if differences.is_empty() {
        return Err(BalanceError::new(ErrorCode::DuplicateTransaction, message));
    }
    // Writing to a String cannot fail.
    let _ = write!(
        message,
        " (for a request with another {}; nothing was changed, use a new key)",
        differences.join(" and ")
    );
    Err(BalanceError::new(ErrorCode::IdempotentKeyReused, message))
}

/// Names the fields only: the other request may be another user's business.
fn differences(record: &Record, existing: &ExistingRecord) -> Vec<&'static str> {
    let transaction = &record.transaction;
    let fields = [
        ("userId", existing.user_id.as_deref() == Some(transaction.user_id.as_str())),
        ("amount", existing.amount.as_ref() == Some(transaction.amount.as_decimal())),
        (
            "type",
            existing.transaction_type.as_deref() == Some(transaction.transaction_type.as_str()),
        ),
    ];
    fields.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

/// What a balance covers.
#[derive(Clone, Debug)]
pub enum Coverage {
    /// The stored balance is not a number.
    Nothing,
    UpTo(Decimal),
}

impl Coverage {
    pub fn of(balance: &StoredBalance, default_balance: &Decimal) -> Self {
        match balance {
            StoredBalance::Corrupt => Self::Nothing,
            StoredBalance::Absent => Self::UpTo(default_balance.clone()),
            StoredBalance::Number(balance) => Self::UpTo(balance.clone()),
        }
    }

    /// Why the balance does not allow a transaction alone; `None` if it does.
    pub fn refusal_of(&self, transaction: &Transaction) -> Option<BalanceError> {
        match (self, transaction.transaction_type) {
            (Self::Nothing, _) => Some(corrupt_balance(&transaction.user_id)),
            (Self::UpTo(balance), TransactionType::Debit)
                if transaction.amount.as_decimal() > balance =>
            {
                Some(insufficient_balance())
            }
            (Self::UpTo(_), _) => None,
        }
    }

    /// The same after all the credits among some transactions.
    pub fn with_credits<'a>(self, transactions: impl Iterator<Item = &'a Transaction>) -> Self {
        let is_credit =
            |transaction: &&Transaction| transaction.transaction_type == TransactionType::Credit;
        transactions.filter(is_credit).fold(self, |coverage, credit| match coverage {
            Self::Nothing => Self::Nothing,
            Self::UpTo(balance) => Self::UpTo(balance.plus(credit.amount.as_decimal())),
        })
    }

    /// Whether a transaction is still covered; if so, what it takes is gone for the next ones.
    pub fn take(&mut self, transaction: &Transaction) -> bool {
        let amount = transaction.amount.as_decimal();
        match (self, transaction.transaction_type) {
            (Self::Nothing, _) => false,
            (Self::UpTo(_), TransactionType::Credit) => true,
            (Self::UpTo(balance), TransactionType::Debit) => {
                let is_covered = amount <= balance;
                if is_covered {
                    *balance = balance.minus(amount);
                }
                is_covered
            }
        }
    }
}

fn insufficient_balance() -> BalanceError {
    BalanceError::new(
        ErrorCode::InsufficientBalance,
        "Insufficient balance: Cannot process debit transaction.",
    )
}

/// The answer contradicts itself: the balance refused what it covers.
pub fn refused_although_covered() -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        "DynamoDB refused the transaction although the balance allows it. Nothing was changed.",
    )
}

#[cfg(test)]
mod tests;
