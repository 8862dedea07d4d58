//! What the ledger asks of a database, and what it hears back. Implemented by `dynamodb`.

mod attempt;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

pub use attempt::{Attempt, SendGate};

use crate::core::epoch::Epoch;
use crate::error::{BalanceError, Cause};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{Transaction, UserId};

/// A database that holds balances and the records of the transactions that moved them.
pub trait Store: Send + Sync + 'static {
    /// A write, ready to be sent any number of times with the same bytes.
    type Request: Send + 'static;

    /// The time, as far as the database agrees.
    fn now(&self) -> SystemTime;

    /// Builds the write that adds all `records`, which are of one user, and moves the balance by
    /// their sum, unless the balance has seen a later epoch.
    fn prepare(&self, epoch: Epoch, records: &[Arc<Record>]) -> Self::Request;

    /// One attempt to write the records and move the balance, all or nothing.
    fn write(
        &self,
        request: &mut Self::Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<WriteAnswer, Fault>> + Send;

    /// One attempt to make sure that no request of this epoch takes effect on the balance of a user
    /// any more, provided that a record is not there.
    fn end_epoch(
        &self,
        user_id: &UserId,
        epoch: Epoch,
        absent: Option<&Record>,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<EpochAnswer, Fault>> + Send;

    /// One attempt to read the balances of different users. What is missing in the answer was left
    /// out by the database and may be asked for again.
    fn read(
        &self,
        users: &[UserId],
        attempt: &Attempt,
    ) -> impl Future<Output = Result<HashMap<UserId, StoredBalance>, Fault>> + Send;
}

/// What is written down about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub transaction: Transaction,
    /// ISO 8601 in UTC with milliseconds and `Z`.
    pub timestamp: String,
    pub call_id: CallId,
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

/// A definite answer to an attempt to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteAnswer {
    Committed,
    /// Nothing was written.
    Refused(Refusal),
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was found under each record's key, in the order of the records.
    pub records: Vec<RecordState>,
    /// The balance, if it did not allow the request.
    pub balance: Option<RefusedBalance>,
}

/// What an attempt found under a record's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordState {
    Free,
    Taken(ExistingRecord),
    /// Another transaction was at work on it.
    Unclear,
}

/// What was stored at the instant at which a balance did not allow a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedBalance {
    pub balance: StoredBalance,
    /// The latest epoch of a write to it; `None` if there is none that can be read.
    pub epoch: Option<Epoch>,
}

/// A definite answer to an attempt to end an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EpochAnswer {
    /// It is over.
    Ended,
    /// The record that was to be absent is there.
    KeyTaken(ExistingRecord),
}

impl Refusal {
    /// Whether one of the records was there: then no attempt of the same request, which has it as
    /// well, takes effect any more.
    pub fn has_taken_key(&self) -> bool {
        self.records.iter().any(|state| matches!(state, RecordState::Taken(_)))
    }

    /// Whether it says anything about what is stored. A record in conflict may turn out to be a
    /// duplicate, which is told before an insufficient balance: only with a record in the clear
    /// does the balance's refusal count.
    pub fn is_definite(&self) -> bool {
        self.records.iter().any(|state| match state {
            RecordState::Taken(_) => true,
            RecordState::Free => self.balance.is_some(),
            RecordState::Unclear => false,
        })
    }
}

/// The record under a key that was taken. Other writers may have written it, so that nothing
/// about its shape is certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingRecord {
    pub user_id: Option<String>,
    pub amount: Option<Decimal>,
    pub transaction_type: Option<String>,
    pub call_id: Option<String>,
}

impl From<&Record> for ExistingRecord {
    fn from(record: &Record) -> Self {
        let transaction = &record.transaction;
        Self {
            user_id: Some(transaction.user_id.as_str().to_owned()),
            amount: Some(transaction.amount.as_decimal().clone()),
            transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
            call_id: Some(record.call_id.to_string()),
        }
    }
}

/// An attempt that brought no definite answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another transaction was at work on the same items. The attempt changed nothing, and another
    /// one may go through soon.
    Contended(Reason),
    /// The attempt changed nothing, and another one may go through.
    NotTaken(Reason),
    /// The same, because the database has more to do than it can or may.
    Throttled(Reason),
    /// The attempt left and no answer arrived: it may have changed everything.
    Unanswered(Reason),
    /// The attempt changed nothing, and no other one with the same content will.
    Rejected(BalanceError),
    /// The attempt changed nothing, and no other one will, whatever its content.
    Final(BalanceError),
}

/// What stood in the way, in words that complete "… (reason)".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub summary: String,
    pub cause: Option<Cause>,
}

#[cfg(test)]
pub(crate) mod in_memory;
