//! What the ledger asks of a database, and what it hears back. Implemented by `dynamodb`.

use std::future::Future;
use std::time::Duration;

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

/// Tells the record that this call wrote from those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(Uuid);

impl CallId {
    pub fn unique() -> Self {
        Self(Uuid::new_v4())
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
    /// The balance does not allow the transaction; this is what it was at that instant.
    BalanceRefused(StoredBalance),
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
