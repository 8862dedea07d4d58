//! The records of transactions, as they are written and as they are found.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{HoldState, HoldStatus};
use crate::money::Decimal;
use crate::transaction::{IdempotentKey, Transaction};

/// What is written down about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub transaction: Transaction,
    /// ISO 8601 in UTC with milliseconds and `Z`. Shared by those of one millisecond.
    pub timestamp: Arc<str>,
    pub call_id: CallId,
    /// Its place in the group that it was made with; `None` for a single transaction.
    pub place: Option<PlaceInGroup>,
    pub role: Role,
}

/// What a record is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A transaction and nothing else.
    Transaction,
    /// A hold: a debit that can be given back until it is captured.
    Hold {
        /// ISO 8601, like the timestamp.
        expires_at: Option<String>,
    },
    /// The credit that gives back what a hold, by its key, was not captured for.
    Return { hold: IdempotentKey },
}

/// Which of how many transactions that were made together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceInGroup {
    /// From 0.
    pub index: usize,
    pub size: usize,
}

/// Tells the record that this call wrote from those of others. A UUID of version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Uuid);

impl CallId {
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }
}

impl std::fmt::Display for CallId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The record under a key that was taken. Other writers may have written it, so that nothing
/// about its shape is certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingRecord {
    pub user_id: Option<String>,
    pub amount: Option<Decimal>,
    pub transaction_type: Option<String>,
    pub timestamp: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub call_id: Option<String>,
    pub place: Option<PlaceInGroup>,
    /// `None` for what is no hold. Boxed: most are none.
    pub hold: Option<Box<HoldStatus>>,
    /// The key of the hold that this gives something back of.
    pub returned_from: Option<String>,
}

impl ExistingRecord {
    /// Whether it is that of a hold that nobody has closed, expired or not.
    pub fn is_open_hold(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.state == HoldState::Open)
    }
}

impl From<&Record> for ExistingRecord {
    fn from(record: &Record) -> Self {
        let transaction = &record.transaction;
        Self {
            user_id: Some(transaction.user_id.as_str().to_owned()),
            amount: Some(transaction.amount.as_decimal().clone()),
            transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
            timestamp: Some(record.timestamp.as_ref().to_owned()),
            metadata: transaction.metadata.as_ref().map(|metadata| metadata.entries().clone()),
            call_id: Some(record.call_id.to_string()),
            place: record.place,
            hold: match &record.role {
                Role::Hold { expires_at } => Some(Box::new(HoldStatus::open(expires_at.clone()))),
                Role::Transaction | Role::Return { .. } => None,
            },
            returned_from: match &record.role {
                Role::Return { hold } => Some(hold.as_str().to_owned()),
                Role::Transaction | Role::Hold { .. } => None,
            },
        }
    }
}
