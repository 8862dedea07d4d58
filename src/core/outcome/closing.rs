//! What a definite answer means for a call that closes a hold.

use super::{Written, reused};
use crate::core::holds;
use crate::error::{BalanceError, ErrorCode};
use crate::store::{Closing, EntryState, ExistingRecord, HoldState};

/// The hold is not open, has expired or is not there, or the key of the call is taken, which is told first.
/// What was found comes in the order of the group: the hold, and the call's own key.
pub fn of_taken_keys(closing: &Closing, states: &[EntryState]) -> Result<Written, BalanceError> {
    let key = &closing.idempotent_key;
    match states {
        [EntryState::Taken(hold), _] if closing.is_done_in(hold) => {
            Ok(Written::Replayed(vec![hold.clone()]))
        }
        [_, EntryState::Taken(_)] => Err(reused(key, "for another transaction")),
        [EntryState::Taken(hold), _] => Err(refused(closing, hold)),
        _ => Err(holds::not_found(&closing.hold)),
    }
}

fn refused(closing: &Closing, found: &ExistingRecord) -> BalanceError {
    let Some(hold) = &found.hold else { return holds::not_found(&closing.hold) };
    if hold.closed_by.as_deref() == Some(closing.idempotent_key.as_str()) {
        return reused(&closing.idempotent_key, "for the same hold, to another end");
    }
    match hold.state {
        HoldState::Captured => holds::captured(&closing.hold),
        HoldState::Released => holds::released(&closing.hold),
        // Nothing else can have stood in the way, even if it was another call that was in time no more.
        HoldState::Open if closing.is_about(found) => holds::has_expired(&closing.hold, hold),
        HoldState::Open => changed(closing),
    }
}

/// It is open, and yet it was not as it had been read a moment before.
fn changed(closing: &Closing) -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        format!(
            "The record of the hold {:?} was changed by another program while it was closed. Nothing \
             was changed by this call; look at the record before you call again.",
            closing.hold.as_str()
        ),
    )
}
