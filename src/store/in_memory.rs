//! A store in memory, for the tests of applications: the sequential database, and a clock that can be moved.

mod audit;
mod clock;
mod pages;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use clock::Clock;

use super::database::Database;
use super::{
    Attempt, BalanceUpdate, CallId, Entry, EpochAnswer, EpochEnding, Fault, Item, ItemKey, Reason,
    Record, Role, Store, Token, Write, WriteAnswer,
};
use crate::core::audit::Report;
use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::history::{Expired, ExpiredPage, Listing, Page, RecordedTransaction};
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, DefaultBalance, StoredBalance};
use crate::transaction::{Transaction, UserId};

/// The two tables, which several clients may share.
#[derive(Debug, Default)]
pub struct Tables(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    database: Database,
    clock: Clock,
}

/// The tables as one client sees them.
#[derive(Debug)]
pub struct InMemory {
    tables: Arc<Tables>,
    default_balance: DefaultBalance,
}

impl Tables {
    pub fn now(&self) -> SystemTime {
        self.state().clock.now()
    }

    /// From now on it is this time, until it is told otherwise.
    pub fn stop_clock_at(&self, time: SystemTime) {
        self.state().clock = Clock::Standing(time);
    }

    pub fn advance_clock(&self, duration: Duration) {
        let mut state = self.state();
        state.clock = state.clock.advanced(duration);
    }

    /// Stores a balance as another program might have.
    pub fn put_balance(&self, user_id: &UserId, balance: Decimal) {
        self.state().database.set_balance(user_id, StoredBalance::Number(balance));
    }

    /// All records as they are told, in the order in which they were written.
    pub fn transactions(&self) -> Vec<RecordedTransaction> {
        let state = self.state();
        let records = state.database.records();
        records.map(|(key, record)| RecordedTransaction::of(key, record.clone())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InMemory {
    pub fn new(tables: Arc<Tables>, default_balance: DefaultBalance) -> Self {
        Self { tables, default_balance }
    }

    /// Carries out a transaction that took place before, at the time of its timestamp.
    pub fn put_transaction(
        &self,
        transaction: Transaction,
        timestamp: String,
    ) -> Result<(), BalanceError> {
        let user_id = transaction.user_id.clone();
        let (call_id, place, role) = (CallId::unique(), None, Role::Transaction);
        let record = Record { transaction, timestamp: timestamp.into(), call_id, place, role };
        let entries = vec![Entry::Record(Arc::new(record))];
        let mut change = BalanceChange::default();
        for entry in &entries {
            change.add_entry(entry);
        }
        let mut state = self.tables.state();
        let epoch = Epoch::at(state.clock.now());
        let balances = vec![BalanceUpdate { user_id, epoch, change }];
        match state.database.write(&Write { entries, balances }, self.default_balance())? {
            WriteAnswer::Committed => Ok(()),
            WriteAnswer::Refused(refusal) if refusal.has_taken_key() => {
                Err(unfit("its idempotentKey is taken by one before it"))
            }
            WriteAnswer::Refused(_) => Err(unfit("the balance before it does not cover it")),
        }
    }

    /// A page of the history of a user, or of the open holds.
    pub fn page(&self, listing: &Listing) -> Page {
        pages::page(&self.tables.state().database, listing)
    }

    pub fn expired(&self, expired: &Expired) -> ExpiredPage {
        pages::expired(&self.tables.state().database, expired)
    }

    /// Whether the balances are what the records say. Exact: nothing moves meanwhile.
    pub fn audit(&self) -> Report {
        audit::report(&self.tables.state().database, &self.default_balance)
    }

    fn default_balance(&self) -> &Decimal {
        self.default_balance.as_decimal()
    }
}

impl Store for InMemory {
    fn now(&self) -> SystemTime {
        self.tables.now()
    }

    async fn write(
        &self,
        write: &Write,
        _token: Token,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        leave(attempt)?;
        let mut state = self.tables.state();
        state.database.write(write, self.default_balance()).map_err(Fault::Rejected)
    }

    async fn end_epoch(
        &self,
        ending: &EpochEnding,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        leave(attempt)?;
        Ok(self.tables.state().database.end_epoch(ending))
    }

    async fn read(
        &self,
        items: &[ItemKey],
        attempt: &Attempt,
    ) -> Result<HashMap<ItemKey, Item>, Fault> {
        leave(attempt)?;
        let state = self.tables.state();
        Ok(items.iter().map(|key| (key.clone(), state.database.read(key))).collect())
    }
}

fn leave(attempt: &Attempt) -> Result<(), Fault> {
    if attempt.gate.pass() {
        return Ok(());
    }
    let summary = "the request was called back".to_owned();
    Err(Fault::NotTaken(Reason { summary, cause: None }))
}

fn unfit(complaint: &str) -> BalanceError {
    BalanceError::new(ErrorCode::InvalidOption, complaint)
}

#[cfg(test)]
mod tests;
