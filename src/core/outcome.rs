//! What a definite answer means for the call that asked.

mod funds;

use std::sync::Arc;

use crate::core::group::Group;
use crate::error::{BalanceError, ErrorCode};
use crate::store::{ExistingRecord, PlaceInGroup, Record, RecordState};
use crate::transaction::{IdempotentKey, UserId};
pub use funds::{Funds, FundsOfUsers};

/// How a call that asked for a group ends well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was recorded for this call.
    Recorded,
    /// The same request was recorded before; what is stored, in its order.
    Replayed(Vec<ExistingRecord>),
}

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

/// The answer contradicts itself: the balances refused what they cover.
pub fn refused_although_covered() -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        "DynamoDB refused the transaction although the balance allows it. Nothing was changed.",
    )
}

/// The same request was recorded before, in the words of `transact`.
pub fn duplicate(key: &IdempotentKey) -> BalanceError {
    BalanceError::new(ErrorCode::DuplicateTransaction, duplicate_message(key))
}

fn duplicate_message(key: &IdempotentKey) -> String {
    format!("Duplicate transaction: This idempotentKey has already been used.{}", key.as_str())
}

/// Whether this very call wrote what was found.
pub fn is_of_same_call(record: &Record, existing: &ExistingRecord) -> bool {
    existing.call_id.as_ref() == Some(&record.call_id.to_string())
}

/// At least one key of a group is recorded: by this very call, by the same request, or by another.
///
/// # Panics
///
/// If no key is recorded, or if there is not a state for each record.
pub fn of_taken_keys(group: &Group, states: &[RecordState]) -> Result<Written, BalanceError> {
    assert_eq!(group.records().len(), states.len(), "a state for each record");
    let taken: Vec<(usize, &Arc<Record>, &ExistingRecord)> = group
        .records()
        .iter()
        .zip(states)
        .enumerate()
        .filter_map(|(index, (record, state))| match state {
            RecordState::Taken(existing) => Some((index, record, existing)),
            RecordState::Free | RecordState::Unclear => None,
        })
        .collect();
    // An earlier attempt of this very call committed and its answer was lost.
    if taken.iter().any(|(_, record, existing)| is_of_same_call(record, existing)) {
        return Ok(Written::Recorded);
    }
    let reused = |record: &Record, index, what: &str| {
        Err(group.locate(reused(&record.transaction.idempotent_key, what), index))
    };
    for (index, record, existing) in &taken {
        let differences = differences(record, existing);
        if !differences.is_empty() {
            let what = format!("for a request with another {}", differences.join(" and "));
            return reused(record, *index, &what);
        }
    }
    let (first_index, first_record, first) = taken.first().expect("a key is recorded");
    if states.len() > 1 {
        if taken.len() < states.len() {
            let what = "without other transactions of this group";
            return reused(first_record, *first_index, what);
        }
        let is_of_group = |(index, _, existing): &&(usize, &Arc<Record>, &ExistingRecord)| {
            existing.call_id.is_some()
                && existing.call_id == first.call_id
                && existing.place == Some(PlaceInGroup { index: *index, size: states.len() })
        };
        if let Some((index, record, _)) = taken.iter().find(|it| !is_of_group(it)) {
            return reused(record, *index, "by another group");
        }
    }
    Ok(Written::Replayed(taken.into_iter().map(|(_, _, existing)| existing.clone()).collect()))
}

fn reused(key: &IdempotentKey, what: &str) -> BalanceError {
    let duplicate = duplicate_message(key);
    let message = format!("{duplicate} ({what}; nothing was changed, use a new key)");
    BalanceError::new(ErrorCode::IdempotentKeyReused, message)
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

#[cfg(test)]
mod tests;
