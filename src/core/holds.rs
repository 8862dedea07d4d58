//! Holds: money that is set aside until it is captured or released. A hold is the record of a debit;
//! what it was not captured for goes back as a credit.
//!
//! Closing one takes two steps. Its record is read first, for what never changes: whose it is, and how
//! much. Then it is written on the condition that the hold is open.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::core::group::Group;
use crate::core::history::{Expired, Position, RecordedTransaction, timestamp_of};
use crate::core::outcome::{self, Written};
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Amount, Decimal};
use crate::store::{CallId, Closing, EntryState, ExistingRecord, HoldStatus};
use crate::transaction::{IdempotentKey, MAX_KEY, Transaction, UserId};
use crate::value::Value;

/// What the key of the credit of an expired hold ends with, so that whoever releases it, and however
/// often, does so under one key.
pub const EXPIRED_SUFFIX: &str = "/expired";

/// How long after it has expired a hold is left alone by sweepers: whoever captures it in the last moment
/// may have a clock that is behind theirs by so much.
pub const GRACE: Duration = Duration::from_secs(10);

/// The longest key of a hold in bytes of UTF-8: with the suffix it still is a key.
const MAX_HOLD_KEY: usize = MAX_KEY - EXPIRED_SUFFIX.len();

/// A hold to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    pub debit: Transaction,
    /// ISO 8601 in UTC with milliseconds.
    pub expires_at: Option<String>,
}

impl NewHold {
    /// `expires_at` is a time in milliseconds, or absent.
    pub fn validate(debit: Transaction, expires_at: &Value) -> Result<Self, BalanceError> {
        let length = debit.idempotent_key.as_str().len();
        if length > MAX_HOLD_KEY {
            return Err(BalanceError::new(
                ErrorCode::InvalidIdempotentKey,
                format!(
                    "Idempotent key of a hold must be at most {MAX_HOLD_KEY} bytes long in UTF-8, not \
                     {length}"
                ),
            ));
        }
        Ok(Self { debit, expires_at: validate_expires_at(expires_at)? })
    }
}

fn validate_expires_at(expires_at: &Value) -> Result<Option<String>, BalanceError> {
    let refuse = |what: &str| {
        let message = format!("expiresAt must be a Date from 1970 to 9999, not {what}");
        Err(BalanceError::new(ErrorCode::InvalidExpiresAt, message))
    };
    match expires_at {
        Value::Undefined => Ok(None),
        Value::Number(milliseconds) => match timestamp_of(*milliseconds) {
            Some(timestamp) => Ok(Some(timestamp)),
            None => refuse("one with another time"),
        },
        other => refuse(other.kind()),
    }
}

/// A call that closes a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldClosing {
    pub idempotent_key: IdempotentKey,
    pub hold: IdempotentKey,
    pub capture: Capture,
}

/// How much of a hold is captured. The rest goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    All,
    Part(Amount),
    /// It is released.
    Nothing,
}

/// What follows from the record of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Write(Group),
    /// It is closed already, and that is what was asked for.
    Done(Written),
}

impl HoldClosing {
    /// `amount` is absent where all is captured.
    pub fn validate_capture(
        idempotent_key: Value,
        hold: Value,
        amount: &Value,
    ) -> Result<Self, BalanceError> {
        let (idempotent_key, hold) = validate_keys(idempotent_key, hold)?;
        let capture = match amount {
            Value::Undefined => Capture::All,
            amount => Capture::Part(Amount::validate_exact(amount)?),
        };
        Ok(Self { idempotent_key, hold, capture })
    }

    pub fn validate_release(idempotent_key: Value, hold: Value) -> Result<Self, BalanceError> {
        let (idempotent_key, hold) = validate_keys(idempotent_key, hold)?;
        Ok(Self { idempotent_key, hold, capture: Capture::Nothing })
    }

    /// What is to be done about a hold whose record is this one. `is_settled`: nothing that was sent for
    /// one of the keys before may still take effect.
    pub fn next_step(
        &self,
        found: Option<&RecordedTransaction>,
        call_id: CallId,
        now: SystemTime,
        is_settled: bool,
    ) -> Result<Step, BalanceError> {
        let now = humantime::format_rfc3339_millis(now).to_string();
        let closing = self.closing(found, call_id, &now)?;
        if is_settled && !closing.before.is_open_hold() {
            let states = [EntryState::Taken(closing.before.clone()), EntryState::Free];
            let group = Group::closing(closing, &now);
            return outcome::of_taken_keys(&group, &states).map(Step::Done);
        }
        self.refuse_unfit(&closing)?;
        Ok(Step::Write(Group::closing(closing, &now)))
    }

    /// No more is captured than there is, and what is left has to be an amount.
    fn refuse_unfit(&self, closing: &Closing) -> Result<(), BalanceError> {
        let (most, captured) = (closing.amount.as_decimal(), closing.captured.as_ref());
        match captured.map(Amount::as_decimal) {
            Some(captured) if captured > most => Err(exceeded(&self.hold, most, captured)),
            Some(captured) if captured < most && closing.rest.is_none() => Err(unstorable_rest()),
            _ => Ok(()),
        }
    }

    fn closing(
        &self,
        found: Option<&RecordedTransaction>,
        call_id: CallId,
        now: &str,
    ) -> Result<Closing, BalanceError> {
        let before = found.map(ExistingRecord::from).filter(|it| it.hold.is_some());
        let before = before.ok_or_else(|| not_found(&self.hold))?;
        let (user_id, amount) = owner_and_amount(&before).ok_or_else(|| malformed(&self.hold))?;
        let (captured, rest) = match &self.capture {
            Capture::All => (Some(amount.clone()), None),
            Capture::Part(part) => (Some(part.clone()), amount.less(part)),
            Capture::Nothing => (None, Some(amount.clone())),
        };
        Ok(Closing {
            idempotent_key: self.idempotent_key.clone(),
            call_id,
            hold: self.hold.clone(),
            user_id,
            amount,
            captured,
            rest,
            now: now.to_owned(),
            before,
        })
    }
}

/// What a closing needs to know of a hold, as far as its record says so.
fn owner_and_amount(record: &ExistingRecord) -> Option<(UserId, Amount)> {
    let user_id = Value::Text(record.user_id.clone()?);
    let user_id = UserId::validate_for_transaction(user_id).ok()?;
    Some((user_id, Amount::of_stored(record.amount.clone()?)?))
}

fn validate_keys(
    idempotent_key: Value,
    hold: Value,
) -> Result<(IdempotentKey, IdempotentKey), BalanceError> {
    let idempotent_key = IdempotentKey::validate(idempotent_key)?;
    let hold = IdempotentKey::validate_of_hold(hold)?;
    if idempotent_key == hold {
        return Err(BalanceError::new(
            ErrorCode::InvalidIdempotentKey,
            "Idempotent key must not be the key of the hold: what closes a hold is another request \
             than what opened it",
        ));
    }
    Ok((idempotent_key, hold))
}

/// The holds that have been expired for long enough to be released by whoever comes by.
pub fn expired(now: SystemTime, after: Option<(String, Position)>) -> Expired {
    // A clock that has never been set starts there.
    let until = now.checked_sub(GRACE).map_or(UNIX_EPOCH, |until| until.max(UNIX_EPOCH));
    Expired { until: humantime::format_rfc3339_millis(until).to_string(), after }
}

pub fn not_found(hold: &IdempotentKey) -> BalanceError {
    let what = "there is no hold under this key. Nothing was changed; check the key, which is the \
                idempotentKey of the createHold, and whether that call succeeded";
    refuse(ErrorCode::HoldNotFound, "not found", hold, what)
}

pub fn captured(hold: &IdempotentKey) -> BalanceError {
    let what = "it was captured by a call with another idempotentKey. Nothing was changed by this one; \
                to pay back what was captured, credit it";
    refuse(ErrorCode::HoldCaptured, "captured", hold, what)
}

pub fn released(hold: &IdempotentKey) -> BalanceError {
    let what = "it was released, and its money is back in the balance. Nothing was changed by this \
                call; to take the money all the same, make a new hold or a debit";
    refuse(ErrorCode::HoldReleased, "released", hold, what)
}

pub fn has_expired(hold: &IdempotentKey, status: &HoldStatus) -> BalanceError {
    let expires_at = status.expires_at.as_deref().unwrap_or_default();
    let what = format!(
        "it expired at {expires_at} and can only be released. Nothing was changed; to take the money all \
         the same, release it and make a new hold or a debit"
    );
    refuse(ErrorCode::HoldExpired, "expired", hold, &what)
}

fn exceeded(hold: &IdempotentKey, most: &Decimal, wanted: &Decimal) -> BalanceError {
    let what = format!(
        "it has {}, which is less than the {} to be captured. Nothing was changed; capture at most what \
         it has, and debit the rest",
        most.to_plain_string(),
        wanted.to_plain_string()
    );
    refuse(ErrorCode::HoldExceeded, "exceeded", hold, &what)
}

fn malformed(hold: &IdempotentKey) -> BalanceError {
    let what = "its record does not say whose it is, or how much. Nothing was changed; repair the \
                record before calling again";
    refuse(ErrorCode::HoldNotFound, "not readable", hold, what)
}

fn unstorable_rest() -> BalanceError {
    BalanceError::new(
        ErrorCode::AmountOutOfRange,
        "What is left of the hold would have more digits than DynamoDB holds. Nothing was changed.",
    )
}

fn refuse(code: ErrorCode, how: &str, hold: &IdempotentKey, what: &str) -> BalanceError {
    BalanceError::new(code, format!("Hold {how}: {:?}: {what}.", hold.as_str()))
}

#[cfg(test)]
pub(crate) mod tests;
