//! What a definite answer means for the call that asked.

use std::fmt::Write as _;

use crate::error::{BalanceError, ErrorCode};
use crate::money::StoredBalance;
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

/// The key is recorded: by this very call, or by another one.
pub fn judge_taken_key(record: &Record, existing: &ExistingRecord) -> Result<(), BalanceError> {
    // An earlier attempt of this very call committed and its answer was lost.
    if existing.call_id.as_ref() == Some(&record.call_id.to_string()) {
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

/// The balance did not allow the transaction.
pub fn judge_refused_balance(transaction: &Transaction, balance: &StoredBalance) -> BalanceError {
    match (balance, transaction.transaction_type) {
        (StoredBalance::Corrupt, _) => corrupt_balance(&transaction.user_id),
        (_, TransactionType::Debit) => BalanceError::new(
            ErrorCode::InsufficientBalance,
            "Insufficient balance: Cannot process debit transaction.",
        ),
        (_, TransactionType::Credit) => BalanceError::new(
            ErrorCode::ServiceError,
            "DynamoDB refused a credit although the balance is sound. Nothing was changed.",
        ),
    }
}

#[cfg(test)]
mod tests;
