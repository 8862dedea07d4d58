//! The contract of a database as a sequential program: what DynamoDB does with one request at a time.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{
    Account, BalanceUpdate, Entry, EntryState, EpochAnswer, EpochEnding, ExistingRecord, Item,
    ItemKey, Refusal, RefusedBalance, Write, WriteAnswer,
};
use crate::core::epoch::Epoch;
use crate::core::history::RecordedTransaction;
use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance, balance_out_of_range};
use crate::transaction::{IdempotentKey, UserId};

/// The two tables.
#[derive(Clone, Debug, Default)]
pub struct Database {
    accounts: HashMap<UserId, StoredAccount>,
    /// In the order in which they were written.
    records: IndexMap<IdempotentKey, ExistingRecord>,
}

#[derive(Clone, Debug)]
struct StoredAccount {
    balance: StoredBalance,
    held: StoredBalance,
    epoch: Option<Epoch>,
}

impl Database {
    /// All of a write or nothing, where a user without a balance has the default one. `Err`: DynamoDB's
    /// numbers cannot hold a balance that it leads to.
    pub fn write(
        &mut self,
        write: &Write,
        default_balance: &Decimal,
    ) -> Result<WriteAnswer, BalanceError> {
        let entries: Vec<EntryState> =
            write.entries.iter().map(|entry| self.state_of(entry)).collect();
        let changed: Vec<Option<(Decimal, StoredBalance)>> =
            write.balances.iter().map(|update| self.changed(update, default_balance)).collect();
        let is_free = |state: &EntryState| *state == EntryState::Free;
        if !entries.iter().all(is_free) || changed.contains(&None) {
            let balances = write.balances.iter().zip(&changed);
            let balances = balances
                .map(|(update, changed)| changed.is_none().then(|| self.refused(&update.user_id)));
            return Ok(WriteAnswer::Refused(Refusal { entries, balances: balances.collect() }));
        }
        if changed.iter().flatten().any(|(balance, held)| {
            let is_held_storable = !matches!(held, StoredBalance::Number(it) if !it.is_storable());
            !balance.is_storable() || !is_held_storable
        }) {
            return Err(balance_out_of_range());
        }
        for (update, (balance, held)) in write.balances.iter().zip(changed.into_iter().flatten()) {
            let balance = StoredBalance::Number(balance);
            let account = StoredAccount { balance, held, epoch: Some(update.epoch) };
            self.accounts.insert(update.user_id.clone(), account);
        }
        for entry in &write.entries {
            match (entry, entry.left()) {
                (Entry::Closing(_), Some(left)) => {
                    self.records.entry(entry.key().clone()).or_default().hold = left.hold;
                }
                (_, Some(left)) => drop(self.records.insert(entry.key().clone(), left)),
                (_, None) => {}
            }
        }
        Ok(WriteAnswer::Committed)
    }

    /// From now on no request of this epoch takes effect on the user's balance.
    pub fn end_epoch(&mut self, ending: &EpochEnding) -> EpochAnswer {
        if let Some(entry) = &ending.undone
            && let Some(existing) = self.contradicting(entry)
        {
            return EpochAnswer::KeyTaken(existing);
        }
        if !ending.epoch.is_over(self.epoch(&ending.user_id)) {
            let absent = StoredAccount {
                balance: StoredBalance::Absent,
                held: StoredBalance::Absent,
                epoch: None,
            };
            let account = self.accounts.entry(ending.user_id.clone()).or_insert(absent);
            account.epoch = Some(ending.epoch.next());
        }
        EpochAnswer::Ended
    }

    pub fn read(&self, key: &ItemKey) -> Item {
        match key {
            ItemKey::Account(user_id) => Item::Account(Account {
                balance: self.balance(user_id),
                held: self.held(user_id),
                exists: self.accounts.contains_key(user_id),
            }),
            ItemKey::Record(key) => {
                let record = self.records.get(key).cloned();
                Item::Record(record.map(|record| Box::new(RecordedTransaction::of(key, record))))
            }
        }
    }

    pub fn balance(&self, user_id: &UserId) -> StoredBalance {
        self.accounts.get(user_id).map_or(StoredBalance::Absent, |it| it.balance.clone())
    }

    /// What the open holds have set aside.
    pub fn held(&self, user_id: &UserId) -> StoredBalance {
        self.accounts.get(user_id).map_or(StoredBalance::Absent, |it| it.held.clone())
    }

    /// What the balance comes to; `None` if it is not a number.
    pub fn worth(&self, user_id: &UserId, default_balance: &Decimal) -> Option<Decimal> {
        match self.balance(user_id) {
            StoredBalance::Absent => Some(default_balance.clone()),
            StoredBalance::Number(balance) => Some(balance),
            StoredBalance::Corrupt => None,
        }
    }

    pub fn epoch(&self, user_id: &UserId) -> Option<Epoch> {
        self.accounts.get(user_id).and_then(|account| account.epoch)
    }

    pub fn record(&self, key: &IdempotentKey) -> Option<&ExistingRecord> {
        self.records.get(key)
    }

    /// All users with an item, their balances and what is held of theirs, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&UserId, &StoredBalance, &StoredBalance)> {
        self.accounts.iter().map(|(user_id, it)| (user_id, &it.balance, &it.held))
    }

    /// All records, in the order in which they were written.
    pub fn records(&self) -> impl Iterator<Item = (&IdempotentKey, &ExistingRecord)> {
        self.records.iter()
    }

    /// Another program writes a balance.
    pub fn set_balance(&mut self, user_id: &UserId, balance: StoredBalance) {
        let (held, epoch) = (self.held(user_id), self.epoch(user_id));
        self.accounts.insert(user_id.clone(), StoredAccount { balance, held, epoch });
    }

    /// Another program writes a record.
    pub fn set_record(&mut self, key: &IdempotentKey, record: ExistingRecord) {
        self.records.insert(key.clone(), record);
    }

    fn state_of(&self, entry: &Entry) -> EntryState {
        let existing = self.records.get(entry.key()).cloned();
        match (entry, existing) {
            (Entry::Record(_) | Entry::FreeKey(_), None) => EntryState::Free,
            (Entry::Record(_) | Entry::FreeKey(_), Some(existing)) => EntryState::Taken(existing),
            (Entry::Closing(_), None) => EntryState::Missing,
            (Entry::Closing(closing), Some(existing)) => {
                let has_expired =
                    existing.hold.as_ref().is_some_and(|hold| hold.has_expired(&closing.now));
                let is_in_time = closing.captured.is_none() || !has_expired;
                if closing.is_about(&existing) && existing.is_open_hold() && is_in_time {
                    EntryState::Free
                } else {
                    EntryState::Taken(existing)
                }
            }
        }
    }

    /// What shows that an entry was carried out, or another one under its key.
    fn contradicting(&self, entry: &Entry) -> Option<ExistingRecord> {
        let existing = self.records.get(entry.key());
        let is_undone = matches!(entry, Entry::Closing(_))
            && existing.is_some_and(ExistingRecord::is_open_hold);
        existing.filter(|_| !is_undone).cloned()
    }

    /// The balance and what is held afterwards; `None` if the present ones do not allow the update.
    fn changed(
        &self,
        update: &BalanceUpdate,
        default_balance: &Decimal,
    ) -> Option<(Decimal, StoredBalance)> {
        let balance = self.worth(&update.user_id, default_balance)?;
        let is_covered = update.change.floor().is_none_or(|floor| balance >= *floor);
        let is_over = update.epoch.is_over(self.epoch(&update.user_id));
        let held = match (update.change.held(), self.held(&update.user_id)) {
            (None, held) => held,
            (Some(change), StoredBalance::Absent) => StoredBalance::Number(change.clone()),
            (Some(change), StoredBalance::Number(held)) => StoredBalance::Number(held.plus(change)),
            (Some(_), StoredBalance::Corrupt) => return None,
        };
        (is_covered && !is_over).then(|| (balance.plus(update.change.sum()), held))
    }

    fn refused(&self, user_id: &UserId) -> RefusedBalance {
        RefusedBalance {
            balance: self.balance(user_id),
            held: self.held(user_id),
            epoch: self.epoch(user_id),
        }
    }
}
