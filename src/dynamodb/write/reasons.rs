//! What the reasons of a cancelled transaction say. They come by position, one for each action.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};

use crate::core::epoch::Epoch;
use crate::dynamodb::{fault, stored_balance};
use crate::money::Decimal;
use crate::store::{
    EpochAnswer, EpochEnding, ExistingRecord, Fault, PlaceInGroup, RecordState, Refusal,
    RefusedBalance, Write, WriteAnswer,
};

type Attributes = HashMap<String, AttributeValue>;

/// The records' first, then the balances'. With none of them about what is stored, this was not an
/// answer.
pub fn of_write(reasons: &[CancellationReason], write: &Write) -> Result<WriteAnswer, Fault> {
    let (records, balances) = (write.records.len(), write.balances.len());
    check_count(reasons, records + balances)?;
    let (of_records, of_balances) = reasons.split_at(records);
    let refusal = Refusal {
        records: of_records.iter().map(record_state).collect(),
        balances: of_balances.iter().map(refused_balance).collect(),
    };
    if refusal.is_definite() {
        Ok(WriteAnswer::Refused(refusal))
    } else {
        Err(fault::unexpected_cancellation(reasons))
    }
}

/// The record's first, if it was asked for, then the balance's.
pub fn of_epoch_ending(
    reasons: &[CancellationReason],
    ending: &EpochEnding,
) -> Result<EpochAnswer, Fault> {
    check_count(reasons, usize::from(ending.absent.is_some()) + 1)?;
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

/// Some of the records that were to be absent are there.
pub fn of_absence(reasons: &[CancellationReason], write: &Write) -> Result<WriteAnswer, Fault> {
    check_count(reasons, write.records.len())?;
    let refusal = Refusal {
        records: reasons.iter().map(record_state).collect(),
        balances: vec![None; write.balances.len()],
    };
    if refusal.has_taken_key() {
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

fn record_state(reason: &CancellationReason) -> RecordState {
    if is_condition_failure(reason) {
        RecordState::Taken(existing_record(reason.item()))
    } else if is_in_the_clear(reason) {
        RecordState::Free
    } else {
        RecordState::Unclear
    }
}

fn refused_balance(reason: &CancellationReason) -> Option<RefusedBalance> {
    is_condition_failure(reason).then(|| RefusedBalance {
        balance: stored_balance(reason.item()),
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
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
    ExistingRecord {
        user_id: text("userId"),
        amount: number("amount").and_then(|number| Decimal::parse(number)),
        transaction_type: text("type"),
        timestamp: text("timestamp"),
        metadata: item.get("metadata").and_then(metadata),
        call_id: text("callId"),
        place: number("groupIndex").zip(number("groupSize")).and_then(|(index, size)| {
            Some(PlaceInGroup { index: index.parse().ok()?, size: size.parse().ok()? })
        }),
    }
}

/// Strings by their names; `None` for anything else.
fn metadata(value: &AttributeValue) -> Option<BTreeMap<String, String>> {
    let entries = value.as_m().ok()?.iter();
    entries.map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone()))).collect()
}

#[cfg(test)]
mod tests;
