//! What the ledger asks of a database, and what it hears back. Implemented by `dynamodb`.

use std::future::Future;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::error::{BalanceError, Cause};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{Transaction, UserId};

/// A database that holds balances and the records of the transactions that moved them.
pub trait Store: Send + Sync + 'static {
    /// A write, ready to be sent any number of times with the same bytes.
    type Request: Send;

    fn prepare(&self, record: &Record) -> Self::Request;

    /// One attempt to write the record and move the balance, both or neither.
    fn write(
        &self,
        request: &mut Self::Request,
        limit: Duration,
    ) -> impl Future<Output = Result<WriteAnswer, Fault>> + Send;

    /// One attempt to make sure that no earlier attempt of a refused request takes effect any
    /// more, provided that it is still refused.
    fn fence(
        &self,
        request: &mut Self::Request,
        refused: &RefusedBalance,
        limit: Duration,
    ) -> impl Future<Output = Result<FenceAnswer, Fault>> + Send;

    /// One attempt to read a balance.
    fn read(
        &self,
        user_id: &UserId,
        limit: Duration,
    ) -> impl Future<Output = Result<StoredBalance, Fault>> + Send;
}

/// What is written down about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub transaction: Transaction,
    /// ISO 8601 in UTC with milliseconds and `Z`.
    pub timestamp: String,
    pub call_id: CallId,
}

/// Tells the record that this call wrote from those of others. A UUID of version 7, which also
/// tells when the call began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The key is recorded already.
    KeyTaken(ExistingRecord),
    /// The balance does not allow the transaction.
    BalanceRefused(RefusedBalance),
}

/// What was stored at the instant at which a balance did not allow a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedBalance {
    pub balance: StoredBalance,
    /// The fences that stand already.
    pub fences: Vec<CallId>,
}

/// A definite answer to an attempt to put up a fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceAnswer {
    /// The fence stands and the balance did not allow the transaction: the refusal is final.
    Fenced,
    /// An earlier attempt took effect after all, or another call took the key.
    KeyTaken(ExistingRecord),
    /// The balance or its fences have changed in between: nothing stands, the refusal is void.
    Outdated,
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
    /// The attempt changed nothing, and another one may go through.
    NotTaken(Reason),
    /// The attempt left and no answer arrived: it may have changed everything.
    Unanswered(Reason),
    /// The attempt changed nothing, and no other one will.
    Final(BalanceError),
}

/// What stood in the way, in words that complete "… (reason)".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub summary: String,
    pub cause: Option<Cause>,
}
