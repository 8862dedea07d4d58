//! The port: what the core asks of a database, and what it hears back. Implemented by `dynamodb`, and by
//! `in_memory` for the tests of applications.

mod attempt;
pub mod database;
mod entry;
mod hold;
pub mod in_memory;
mod journal;
mod record;

use std::collections::HashMap;
use std::future::Future;
use std::time::SystemTime;

pub use attempt::{Attempt, SendGate};
pub use entry::{Entry, Name};
pub use hold::{Closing, HoldState, HoldStatus};
pub use journal::{Exchange, Journal, Refused, Reporter, Server};
pub use record::{CallId, ExistingRecord, PlaceInGroup, Record, Role};

use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::history::RecordedTransaction;
use crate::error::{BalanceError, Cause};
use crate::money::StoredBalance;
use crate::transaction::{IdempotentKey, UserId};

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

/// Does what all entries say and changes all balances, or does nothing. It does nothing if a key is
/// taken, if a hold is not open, if a balance is not a number or below its floor, or if a balance has
/// seen a later epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub entries: Vec<Entry>,
    /// One for each user of the entries.
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
    /// An entry that must not have been carried out.
    pub undone: Option<Entry>,
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
    Record(Option<Box<RecordedTransaction>>),
}

/// The balance item of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub balance: StoredBalance,
    /// What its open holds have set aside.
    pub held: StoredBalance,
    /// Whether there is an item.
    pub exists: bool,
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
    /// What was found under the key of each entry, in the order of the write's.
    pub entries: Vec<EntryState>,
    /// The balances that did not allow the request, in the order of the write's; `None` for the
    /// others.
    pub balances: Vec<Option<RefusedBalance>>,
}

/// What an attempt found under the key of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there are few of them, and not for long")]
pub enum EntryState {
    /// Nothing stands in the way: the key is free, or the hold is open.
    Free,
    /// A record is there, or the hold is not open any more, or cannot be closed like that.
    Taken(ExistingRecord),
    /// The hold is not there.
    Missing,
    /// Another transaction was at work on it.
    Unclear,
}

/// What was stored at the instant at which a balance did not allow a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedBalance {
    pub balance: StoredBalance,
    pub held: StoredBalance,
    /// The latest epoch of a write to it; `None` if there is none that can be read.
    pub epoch: Option<Epoch>,
}

/// A definite answer to an attempt to end an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, and not for long")]
pub enum EpochAnswer {
    /// It is over.
    Ended,
    /// The entry was carried out, or another one under the same key.
    KeyTaken(ExistingRecord),
}

impl Refusal {
    /// Whether one of the keys was taken: then no attempt of the same request, which has it as
    /// well, takes effect any more. Records stay, and a hold that has been closed is not opened again.
    pub fn has_taken_key(&self) -> bool {
        self.entries.iter().any(|state| matches!(state, EntryState::Taken(_)))
    }

    /// Whether it refuses the write for good: it says why, and with an entry in the clear also that no
    /// earlier attempt of the same request was carried out. A record in conflict may turn out to be a
    /// duplicate, which is told before an insufficient balance, and a hold in conflict to be closed by
    /// this very call. Only a key that has to be free looks the same before and after.
    pub fn is_definite(&self, write: &Write) -> bool {
        let mut states = write.entries.iter().zip(&self.entries);
        let is_shown =
            states.any(|(entry, state)| entry.leaves_a_trace() && *state != EntryState::Unclear);
        let is_refused =
            |state: &EntryState| matches!(state, EntryState::Taken(_) | EntryState::Missing);
        let has_reason =
            self.entries.iter().any(is_refused) || self.balances.iter().any(Option::is_some);
        is_shown && has_reason
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
pub(crate) mod faulty;
#[cfg(test)]
mod tests;
