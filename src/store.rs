//! The port: what the core asks of a database, and what it hears back. Implemented by `dynamodb`.

mod attempt;
pub mod database;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

pub use attempt::{Attempt, SendGate};

use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::history::RecordedTransaction;
use crate::error::{BalanceError, Cause};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{IdempotentKey, Transaction, UserId};

/// A database that holds balances and the records of the transactions that moved them.
pub trait Store: Send + Sync + 'static {
    /// The time, as far as the database agrees.
    fn now(&self) -> SystemTime;

    /// One attempt at a write, all or nothing.
    fn write(
        &self,
        write: &Write,
        token: Token,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<WriteAnswer, Fault>> + Send;

    /// One attempt to make sure that no request of an epoch takes effect on a balance any more.
    fn end_epoch(
        &self,
        ending: &EpochEnding,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<EpochAnswer, Fault>> + Send;

    /// One attempt to read different items. What is missing in the answer was left out by the
    /// database and may be asked for again.
    fn read(
        &self,
        items: &[ItemKey],
        attempt: &Attempt,
    ) -> impl Future<Output = Result<HashMap<ItemKey, Item>, Fault>> + Send;
}

/// Puts all records and changes all balances, or does nothing. It does nothing if a key is taken, if a
/// balance is not a number or below its floor, or if a balance has seen a later epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub records: Vec<Arc<Record>>,
    /// One for each user of the records.
    pub balances: Vec<BalanceUpdate>,
}

/// What a write does to the balance of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceUpdate {
    pub user_id: UserId,
    /// In which it was composed.
    pub epoch: Epoch,
    pub change: BalanceChange,
}

/// Names a request: the same token stands for the same bytes, which take effect once. Unique in a
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub batch: u64,
    /// Rises when a request of the batch was answered and the next one is another.
    pub request: u32,
}

/// The end of an epoch on the balance of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochEnding {
    pub user_id: UserId,
    pub epoch: Epoch,
    /// A record that has to be absent.
    pub absent: Option<Arc<Record>>,
}

/// What can be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemKey {
    Account(UserId),
    Record(IdempotentKey),
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Account(Account),
    /// `None`: there is none.
    Record(Option<RecordedTransaction>),
}

/// The balance item of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub balance: StoredBalance,
    /// Whether there is an item.
    pub exists: bool,
}

/// What is written down about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub transaction: Transaction,
    /// ISO 8601 in UTC with milliseconds and `Z`.
    pub timestamp: String,
    pub call_id: CallId,
    /// Its place in the group that it was made with; `None` for a single transaction.
    pub place: Option<PlaceInGroup>,
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
    /// The balances that did not allow the request, in the order of the write's; `None` for the
    /// others.
    pub balances: Vec<Option<RefusedBalance>>,
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
            RecordState::Free => self.balances.iter().any(Option::is_some),
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
    pub timestamp: Option<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub call_id: Option<String>,
    pub place: Option<PlaceInGroup>,
}

impl From<&Record> for ExistingRecord {
    fn from(record: &Record) -> Self {
        let transaction = &record.transaction;
        Self {
            user_id: Some(transaction.user_id.as_str().to_owned()),
            amount: Some(transaction.amount.as_decimal().clone()),
            transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
            timestamp: Some(record.timestamp.clone()),
            metadata: transaction.metadata.as_ref().map(|metadata| metadata.entries().clone()),
            call_id: Some(record.call_id.to_string()),
            place: record.place,
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
