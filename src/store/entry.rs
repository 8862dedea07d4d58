//! What a write does to one item of the table of transactions.

use std::sync::Arc;

use super::{CallId, Closing, ExistingRecord, Record};
use crate::money::Amount;
use crate::transaction::{IdempotentKey, UserId};

/// What an entry is about: two with one name exclude each other, or are the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    pub key: &'a IdempotentKey,
    pub user_id: &'a UserId,
    /// Whether it closes the hold with this key. Otherwise it is about whether the key is taken.
    pub is_closing: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Puts a record, whose key has to be free.
    Record(Arc<Record>),
    /// Closes a hold, which has to be open.
    Closing(Arc<Closing>),
    /// The key of a closing that gives nothing back, so that there is no record of its own. It has to be
    /// free.
    FreeKey(Arc<Closing>),
}

impl Entry {
    pub fn key(&self) -> &IdempotentKey {
        match self {
            Self::Record(record) => &record.transaction.idempotent_key,
            Self::Closing(closing) => &closing.hold,
            Self::FreeKey(closing) => &closing.idempotent_key,
        }
    }

    pub fn user_id(&self) -> &UserId {
        match self {
            Self::Record(record) => &record.transaction.user_id,
            Self::Closing(closing) | Self::FreeKey(closing) => &closing.user_id,
        }
    }

    pub fn name(&self) -> Name<'_> {
        let is_closing = matches!(self, Self::Closing(_));
        Name { key: self.key(), user_id: self.user_id(), is_closing }
    }

    pub fn call_id(&self) -> CallId {
        match self {
            Self::Record(record) => record.call_id,
            Self::Closing(closing) | Self::FreeKey(closing) => closing.call_id,
        }
    }

    /// What it moves, into the balance, out of it or within.
    pub fn amount(&self) -> Option<&Amount> {
        match self {
            Self::Record(record) => Some(&record.transaction.amount),
            Self::Closing(closing) => Some(&closing.amount),
            Self::FreeKey(_) => None,
        }
    }

    /// Whether another one asks for the same.
    pub fn asks_for_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Record(one), Self::Record(other)) => {
                one.transaction == other.transaction && one.role == other.role
            }
            (Self::Closing(one), Self::Closing(other))
            | (Self::FreeKey(one), Self::FreeKey(other)) => {
                (&one.idempotent_key, &one.hold, &one.captured)
                    == (&other.idempotent_key, &other.hold, &other.captured)
            }
            _ => false,
        }
    }

    /// Whether what is under its key shows that it was carried out.
    pub fn leaves_a_trace(&self) -> bool {
        !matches!(self, Self::FreeKey(_))
    }

    /// Whether this very entry has left what was found under its key.
    pub fn has_left(&self, found: &ExistingRecord) -> bool {
        let call_id = match self {
            Self::Record(_) => found.call_id.as_ref(),
            Self::Closing(_) => found.hold.as_ref().and_then(|hold| hold.closing_call.as_ref()),
            Self::FreeKey(_) => None,
        };
        call_id == Some(&self.call_id().to_string())
    }

    /// What is under its key after it was carried out; `None` if nothing is.
    pub fn left(&self) -> Option<ExistingRecord> {
        match self {
            Self::Record(record) => Some(ExistingRecord::from(&**record)),
            Self::Closing(closing) => Some(closing.after()),
            Self::FreeKey(_) => None,
        }
    }
}
