//! What the ledger asks of a database, and what it hears back. Implemented by `dynamodb`.

mod attempt;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

pub use attempt::{Attempt, SendGate};

use crate::error::{BalanceError, Cause};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{Transaction, UserId};

/// A database that holds balances and the records of the transactions that moved them.
pub trait Store: Send + Sync + 'static {
    /// A write, ready to be sent any number of times with the same bytes.
    type Request: Send + 'static;

    /// Builds the write that adds all `records`, which are of one user, and moves the balance by
    /// their sum. A fence against it carries `request_id`.
    fn prepare(&self, request_id: CallId, records: &[Arc<Record>]) -> Self::Request;

    /// One attempt to write the records and move the balance, all or nothing.
    fn write(
        &self,
        request: &mut Self::Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<WriteAnswer, Fault>> + Send;

    /// One attempt to make sure that no earlier attempt of a request takes effect any more.
    /// `standing` are the fences that the balance is known to have.
    fn fence(
        &self,
        request: &Self::Request,
        standing: &[CallId],
        attempt: &Attempt,
    ) -> impl Future<Output = Result<FenceAnswer, Fault>> + Send;

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

/// Tells the record that this call wrote from those of others, and a request from all other
/// requests. A UUID of version 7, which also tells when the call began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(Uuid);

impl CallId {
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }

    /// When the call began; `None` if the identifier does not say.
    pub fn began(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
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
    /// The fences that stand already.
    pub fences: Vec<CallId>,
}

/// A definite answer to an attempt to put up a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceAnswer {
    /// The fence stands: no attempt of the request has taken effect, and none will.
    Fenced,
    /// The key of the request's first record is taken: by an earlier attempt, which took effect
    /// after all, or by another call, so that the request can never take effect.
    KeyTaken(ExistingRecord),
    /// Other fences stand than were expected: these.
    Outdated(Vec<CallId>),
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
