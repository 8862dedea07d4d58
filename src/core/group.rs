//! Transactions that take effect together or not at all, one after the other. A single one is a
//! group of one.

use std::sync::Arc;

use crate::error::BalanceError;
use crate::store::Record;
use crate::transaction::{IdempotentKey, Transaction, TransactionType, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    records: Vec<Arc<Record>>,
    users: Vec<UserId>,
}

impl Group {
    /// # Panics
    ///
    /// If there is no record.
    pub fn new(records: Vec<Arc<Record>>) -> Self {
        assert!(!records.is_empty(), "a group has a transaction");
        let mut users = Vec::with_capacity(1);
        for record in &records {
            if !users.contains(&record.transaction.user_id) {
                users.push(record.transaction.user_id.clone());
            }
        }
        Self { records, users }
    }

    pub fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.records.iter().map(|record| &record.transaction)
    }

    pub fn keys(&self) -> impl Iterator<Item = &IdempotentKey> {
        self.transactions().map(|transaction| &transaction.idempotent_key)
    }

    /// Each once, in the order of the list.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// Whether it asks something of a balance.
    pub fn has_debit(&self) -> bool {
        self.transactions().any(|it| it.transaction_type == TransactionType::Debit)
    }

    /// Whether another group is the same request, or one that differs only in what it moves.
    pub fn has_names_of<'a>(&'a self, other: &'a Self) -> bool {
        let name = |it: &'a Transaction| (&it.idempotent_key, &it.user_id);
        self.transactions().map(name).eq(other.transactions().map(name))
    }

    /// An error about one of its transactions. A lone one needs no index.
    pub fn locate(&self, error: BalanceError, index: usize) -> BalanceError {
        if self.records.len() > 1 { error.at(index) } else { error }
    }

    /// Whether another group asks for the same.
    pub fn asks_for_same(&self, other: &Self) -> bool {
        self.transactions().eq(other.transactions())
    }

    /// Whether it was made by the same call.
    pub fn is_of_same_call(&self, other: &Self) -> bool {
        let call_id = |group: &Self| group.records.first().map(|record| record.call_id);
        call_id(self) == call_id(other)
    }
}
