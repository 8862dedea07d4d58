//! Holds: what is stored of one, and how it is closed.

use super::{CallId, ExistingRecord};
use crate::money::{Amount, Decimal};
use crate::transaction::{IdempotentKey, UserId};

/// The life of a hold. It only moves forward, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Open,
    Captured,
    Released,
}

impl HoldState {
    const ALL: [Self; 3] = [Self::Open, Self::Captured, Self::Released];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Released => "released",
        }
    }
}

/// What the record of a hold says beyond that of a debit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldStatus {
    pub state: HoldState,
    /// ISO 8601 in UTC. `None`: it does not expire.
    pub expires_at: Option<String>,
    /// What of it was captured.
    pub captured: Option<Decimal>,
    /// The idempotent key of the call that closed it.
    pub closed_by: Option<String>,
    /// Tells that call from others with the same key.
    pub closing_call: Option<String>,
}

impl HoldStatus {
    pub fn open(expires_at: Option<String>) -> Self {
        let (captured, closed_by, closing_call) = (None, None, None);
        Self { state: HoldState::Open, expires_at, captured, closed_by, closing_call }
    }

    /// What an open hold has as the sort key of its index: when it expires, or what comes after all times.
    pub fn open_until(&self) -> &str {
        self.expires_at.as_deref().unwrap_or("never")
    }

    /// Whether it can only be released, as of a time in the same form.
    pub fn has_expired(&self, now: &str) -> bool {
        self.expires_at.as_deref().is_some_and(|expires_at| expires_at <= now)
    }
}

/// The end of an open hold: all of it, or part of it, is captured, and the rest goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Of the call that closes it.
    pub idempotent_key: IdempotentKey,
    pub call_id: CallId,
    pub hold: IdempotentKey,
    pub user_id: UserId,
    /// What it has set aside.
    pub amount: Amount,
    /// `None`: it is released.
    pub captured: Option<Amount>,
    /// What goes back; `None` if all of it is captured.
    pub rest: Option<Amount>,
    /// A hold that has expired by then is not captured any more. ISO 8601, like the timestamps.
    pub now: String,
    /// Its record before.
    pub before: ExistingRecord,
}

impl Closing {
    pub fn state(&self) -> HoldState {
        if self.captured.is_some() { HoldState::Captured } else { HoldState::Released }
    }

    /// The record of the hold as this leaves it.
    pub fn after(&self) -> ExistingRecord {
        let expires_at = self.before.hold.as_ref().and_then(|hold| hold.expires_at.clone());
        let status = HoldStatus {
            state: self.state(),
            expires_at,
            captured: self.captured.as_ref().map(|captured| captured.as_decimal().clone()),
            closed_by: Some(self.idempotent_key.as_str().to_owned()),
            closing_call: Some(self.call_id.to_string()),
        };
        ExistingRecord { hold: Some(Box::new(status)), ..self.before.clone() }
    }

    /// Whether the record of a hold says what this was made for.
    pub fn is_about(&self, found: &ExistingRecord) -> bool {
        found.user_id.as_deref() == Some(self.user_id.as_str())
            && found.amount.as_ref() == Some(self.amount.as_decimal())
    }

    /// Whether the record of a hold is as a call with the same key and content has left it.
    pub fn is_done_in(&self, existing: &ExistingRecord) -> bool {
        existing.hold.as_ref().is_some_and(|hold| {
            hold.state == self.state()
                && hold.closed_by.as_deref() == Some(self.idempotent_key.as_str())
                && hold.captured.as_ref() == self.captured.as_ref().map(Amount::as_decimal)
        })
    }
}
