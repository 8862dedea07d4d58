//! The contract of a database as a sequential program: what DynamoDB does with one request at a time.

use std::collections::HashMap;

use super::{
    Account, BalanceUpdate, EpochAnswer, EpochEnding, ExistingRecord, Item, ItemKey, RecordState,
    Refusal, RefusedBalance, Write, WriteAnswer,
};
use crate::core::epoch::Epoch;
use crate::core::history::RecordedTransaction;
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{IdempotentKey, UserId};

/// A record as it is told to those who ask for it.
fn told(key: &IdempotentKey, record: &ExistingRecord) -> RecordedTransaction {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let amount = record.amount.as_ref().map(Decimal::to_plain_string);
    let metadata = record.metadata.clone().map(|entries| entries.into_iter().collect());
    RecordedTransaction {
        idempotent_key: key.as_str().to_owned(),
        user_id: text(&record.user_id),
        amount: text(&amount),
        transaction_type: text(&record.transaction_type),
        timestamp: text(&record.timestamp),
        metadata,
        malformed: None,
    }
}

/// The two tables.
#[derive(Clone, Debug)]
pub struct Database {
    default_balance: Decimal,
    accounts: HashMap<UserId, StoredAccount>,
    records: HashMap<IdempotentKey, ExistingRecord>,
}

#[derive(Clone, Debug)]
struct StoredAccount {
    balance: StoredBalance,
    epoch: Option<Epoch>,
}

impl Database {
    pub fn new(default_balance: Decimal) -> Self {
        Self { default_balance, accounts: HashMap::new(), records: HashMap::new() }
    }

    /// All of a write or nothing. `Err`: DynamoDB's numbers cannot hold a balance that it leads to.
    pub fn write(&mut self, write: &Write) -> Result<WriteAnswer, BalanceError> {
        let records: Vec<RecordState> = write
            .records
            .iter()
            .map(|record| self.state_of(&record.transaction.idempotent_key))
            .collect();
        let changed: Vec<Option<Decimal>> =
            write.balances.iter().map(|update| self.changed(update)).collect();
        let is_free = |state: &RecordState| *state == RecordState::Free;
        if !records.iter().all(is_free) || changed.contains(&None) {
            let balances = write.balances.iter().zip(&changed);
            let balances = balances
                .map(|(update, changed)| changed.is_none().then(|| self.refused(&update.user_id)));
            return Ok(WriteAnswer::Refused(Refusal { records, balances: balances.collect() }));
        }
        if changed.iter().flatten().any(|balance| !balance.is_storable()) {
            return Err(BalanceError::new(
                ErrorCode::AmountOutOfRange,
                "The balance would have more digits than DynamoDB holds. Nothing was changed.",
            ));
        }
        for (update, balance) in write.balances.iter().zip(changed) {
            let balance = balance.map_or(StoredBalance::Corrupt, StoredBalance::Number);
            let account = StoredAccount { balance, epoch: Some(update.epoch) };
            self.accounts.insert(update.user_id.clone(), account);
        }
        for record in &write.records {
            let key = record.transaction.idempotent_key.clone();
            self.records.insert(key, ExistingRecord::from(&**record));
        }
        Ok(WriteAnswer::Committed)
    }

    /// From now on no request of this epoch takes effect on the user's balance.
    pub fn end_epoch(&mut self, ending: &EpochEnding) -> EpochAnswer {
        if let Some(record) = &ending.absent
            && let Some(existing) = self.records.get(&record.transaction.idempotent_key)
        {
            return EpochAnswer::KeyTaken(existing.clone());
        }
        if !ending.epoch.is_over(self.epoch(&ending.user_id)) {
            let absent = StoredAccount { balance: StoredBalance::Absent, epoch: None };
            let account = self.accounts.entry(ending.user_id.clone()).or_insert(absent);
            account.epoch = Some(ending.epoch.next());
        }
        EpochAnswer::Ended
    }

    pub fn read(&self, key: &ItemKey) -> Item {
        match key {
            ItemKey::Account(user_id) => Item::Account(Account {
                balance: self.balance(user_id),
                exists: self.accounts.contains_key(user_id),
            }),
            ItemKey::Record(key) => {
                Item::Record(self.records.get(key).map(|record| told(key, record)))
            }
        }
    }

    pub fn balance(&self, user_id: &UserId) -> StoredBalance {
        self.accounts.get(user_id).map_or(StoredBalance::Absent, |it| it.balance.clone())
    }

    /// What the balance comes to; `None` if it is not a number.
    pub fn worth(&self, user_id: &UserId) -> Option<Decimal> {
        match self.balance(user_id) {
            StoredBalance::Absent => Some(self.default_balance.clone()),
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

    /// All users with an item and their balances, in no order.
    pub fn balances(&self) -> impl Iterator<Item = (&UserId, &StoredBalance)> {
        self.accounts.iter().map(|(user_id, account)| (user_id, &account.balance))
    }

    /// All records, in no order.
    pub fn records(&self) -> impl Iterator<Item = (&IdempotentKey, &ExistingRecord)> {
        self.records.iter()
    }

    /// Another program writes a balance.
    pub fn set_balance(&mut self, user_id: &UserId, balance: StoredBalance) {
        let epoch = self.epoch(user_id);
        self.accounts.insert(user_id.clone(), StoredAccount { balance, epoch });
    }

    /// Another program writes a record.
    pub fn set_record(&mut self, key: &IdempotentKey, record: ExistingRecord) {
        self.records.insert(key.clone(), record);
    }

    fn state_of(&self, key: &IdempotentKey) -> RecordState {
        self.records.get(key).cloned().map_or(RecordState::Free, RecordState::Taken)
    }

    /// The balance afterwards; `None` if the present one does not allow the update.
    fn changed(&self, update: &BalanceUpdate) -> Option<Decimal> {
        let balance = self.worth(&update.user_id)?;
        let is_covered = update.change.floor().is_none_or(|floor| balance >= *floor);
        let is_over = update.epoch.is_over(self.epoch(&update.user_id));
        (is_covered && !is_over).then(|| balance.plus(update.change.sum()))
    }

    fn refused(&self, user_id: &UserId) -> RefusedBalance {
        RefusedBalance { balance: self.balance(user_id), epoch: self.epoch(user_id) }
    }
}
