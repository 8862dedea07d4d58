//! What the reasons of a cancelled transaction say. They come by position, one for each action.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};

use crate::core::epoch::Epoch;
use crate::dynamodb::history::item;
use crate::dynamodb::{fault, stored_number};
use crate::money::Decimal;
use crate::store::{
    Entry, EntryState, EpochAnswer, EpochEnding, ExistingRecord, Fault, PlaceInGroup, Refusal,
    RefusedBalance, Write, WriteAnswer,
};

type Attributes = HashMap<String, AttributeValue>;

/// The entries' first, then the balances'. With none of them about what is stored, this was not an
/// answer.
pub fn of_write(reasons: &[CancellationReason], write: &Write) -> Result<WriteAnswer, Fault> {
    let (entries, balances) = (write.entries.len(), write.balances.len());
    check_count(reasons, entries + balances)?;
    let (of_entries, of_balances) = reasons.split_at(entries);
    let states = write.entries.iter().zip(of_entries);
    let refusal = Refusal {
        entries: states.map(|(entry, reason)| entry_state(entry, reason)).collect(),
        balances: of_balances.iter().map(refused_balance).collect(),
    };
    if refusal.is_definite(write) {
        Ok(WriteAnswer::Refused(refusal))
    } else {
        Err(fault::unexpected_cancellation(reasons))
    }
}

/// The entry's first, if it was asked for, then the balance's.
pub fn of_epoch_ending(
    reasons: &[CancellationReason],
    ending: &EpochEnding,
) -> Result<EpochAnswer, Fault> {
    check_count(reasons, usize::from(ending.undone.is_some()) + 1)?;
    match reasons {
        [record, _] if is_condition_failure(record) => {
            Ok(EpochAnswer::KeyTaken(existing_record(record.item())))
        }
        // A later one has begun already, and the record was not there.
        [record, balance] if is_in_the_clear(record) && is_condition_failure(balance) => {
            Ok(EpochAnswer::Ended)
        }
        [balance] if is_condition_failure(balance) => Ok(EpochAnswer::Ended),
        reasons => Err(fault::unexpected_cancellation(reasons)),
    }
}

/// Some of the entries that were not to have been carried out have been.
pub fn of_absence(reasons: &[CancellationReason], write: &Write) -> Result<WriteAnswer, Fault> {
    check_count(reasons, write.entries.len())?;
    let states = write.entries.iter().zip(reasons);
    let refusal = Refusal {
        entries: states.map(|(entry, reason)| entry_state(entry, reason)).collect(),
        balances: vec![None; write.balances.len()],
    };
    if refusal.is_definite(write) {
        Ok(WriteAnswer::Refused(refusal))
    } else {
        Err(fault::unexpected_cancellation(reasons))
    }
}

/// With another number nobody knows which reason is whose.
fn check_count(reasons: &[CancellationReason], actions: usize) -> Result<(), Fault> {
    if reasons.len() == actions {
        return Ok(());
    }
    let count = reasons.len();
    Err(fault::unreadable(&format!("it has {count} reasons for {actions} actions")))
}

fn entry_state(entry: &Entry, reason: &CancellationReason) -> EntryState {
    if is_condition_failure(reason) {
        match (entry, reason.item()) {
            (Entry::Closing(_), None) => EntryState::Missing,
            (_, item) => EntryState::Taken(existing_record(item)),
        }
    } else if is_in_the_clear(reason) {
        EntryState::Free
    } else {
        EntryState::Unclear
    }
}

fn refused_balance(reason: &CancellationReason) -> Option<RefusedBalance> {
    is_condition_failure(reason).then(|| RefusedBalance {
        balance: stored_number(reason.item(), "balance"),
        held: stored_number(reason.item(), "held"),
        epoch: epoch(reason.item()),
    })
}

fn is_condition_failure(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn is_in_the_clear(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
}

/// The epoch that a balance has seen; `None` as well for what is no epoch.
fn epoch(item: Option<&Attributes>) -> Option<Epoch> {
    item.and_then(|attributes| Epoch::parse(attributes.get("epoch")?.as_n().ok()?))
}

fn existing_record(item: Option<&Attributes>) -> ExistingRecord {
    let Some(item) = item else { return ExistingRecord::default() };
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
    ExistingRecord {
        // As text it is no amount, whatever it says.
        amount: number("amount").and_then(|number| Decimal::parse(number)),
        call_id: item.get("callId").and_then(|value| value.as_s().ok()).cloned(),
        place: number("groupIndex").zip(number("groupSize")).and_then(|(index, size)| {
            Some(PlaceInGroup { index: index.parse().ok()?, size: size.parse().ok()? })
        }),
        ..ExistingRecord::from(&item::read(item))
    }
}

#[cfg(test)]
mod tests;
