//! What a definite answer means for the call that asked.

mod closing;
mod funds;

use crate::core::group::Group;
use crate::error::{BalanceError, ErrorCode};
use crate::store::{Entry, EntryState, ExistingRecord, PlaceInGroup};
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

/// A stored sum of a user's money is not a number: the balance, or what is held.
pub fn corrupt(attribute: &str, user_id: &UserId) -> BalanceError {
    BalanceError::new(
        ErrorCode::CorruptBalance,
        format!(
            "Corrupt balance: the stored {attribute} of user {:?} is not a number. Nothing was \
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

/// A key of a group whose state is known: where it stands, its entry, and what is there.
type Taken<'a> = (usize, &'a Entry, &'a ExistingRecord);

/// At least one key of a group is taken, by this very call, by the same request, or by another; or the
/// hold that it closes is not there.
///
/// # Panics
///
/// If all of them are free, or if there is not a state for each entry.
pub fn of_taken_keys(group: &Group, states: &[EntryState]) -> Result<Written, BalanceError> {
    assert_eq!(group.entries().len(), states.len(), "a state for each entry");
    let entries = group.entries().iter().zip(states).enumerate();
    let taken: Vec<Taken<'_>> = entries
        .filter_map(|(index, (entry, state))| match state {
            EntryState::Taken(existing) => Some((index, entry, existing)),
            EntryState::Free | EntryState::Missing | EntryState::Unclear => None,
        })
        .collect();
    // An earlier attempt of this very call committed and its answer was lost.
    if taken.iter().any(|(_, entry, existing)| entry.has_left(existing)) {
        return Ok(Written::Recorded);
    }
    match group.as_closing() {
        Some(closing) => closing::of_taken_keys(closing, states),
        None => of_taken_records(group, &taken),
    }
}

fn of_taken_records(group: &Group, taken: &[Taken<'_>]) -> Result<Written, BalanceError> {
    let reused =
        |entry: &Entry, index, what: &str| Err(group.locate(reused(entry.key(), what), index));
    for (index, entry, existing) in taken {
        let differences = differences(entry, existing);
        if !differences.is_empty() {
            let what = format!("for a request with another {}", differences.join(" and "));
            return reused(entry, *index, &what);
        }
    }
    let size = group.entries().len();
    let (first_index, first_entry, first) = taken.first().expect("a key is taken");
    if size > 1 {
        if taken.len() < size {
            let what = "without other transactions of this group";
            return reused(first_entry, *first_index, what);
        }
        let is_of_group = |(index, _, existing): &&Taken<'_>| {
            existing.call_id.is_some()
                && existing.call_id == first.call_id
                && existing.place == Some(PlaceInGroup { index: *index, size })
        };
        if let Some((index, entry, _)) = taken.iter().find(|it| !is_of_group(it)) {
            return reused(entry, *index, "by another group");
        }
    }
    Ok(Written::Replayed(taken.iter().map(|(_, _, existing)| (*existing).clone()).collect()))
}

fn reused(key: &IdempotentKey, what: &str) -> BalanceError {
    let duplicate = duplicate_message(key);
    let message = format!("{duplicate} ({what}; nothing was changed, use a new key)");
    BalanceError::new(ErrorCode::IdempotentKeyReused, message)
}

/// Names the fields only: the other request may be another user's business.
fn differences(entry: &Entry, existing: &ExistingRecord) -> Vec<&'static str> {
    let asked = entry.left().unwrap_or_default();
    let fields = [
        ("userId", existing.user_id == asked.user_id),
        ("amount", existing.amount == asked.amount),
        ("type", existing.transaction_type == asked.transaction_type),
        // That a hold expires at another time is no other request, just as with metadata.
        (
            "kind of transaction",
            existing.hold.is_some() == asked.hold.is_some()
                && existing.returned_from == asked.returned_from,
        ),
    ];
    fields.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests;
