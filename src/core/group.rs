//! What takes effect together or not at all, one entry after the other. A single transaction is a
//! group of one.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::error::BalanceError;
use crate::store::{CallId, Closing, Entry, Name, Record, Role};
use crate::transaction::{IdempotentKey, Transaction, TransactionType, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    entries: SmallVec<[Entry; 1]>,
    users: SmallVec<[UserId; 1]>,
}

impl Group {
    /// Of records.
    ///
    /// # Panics
    ///
    /// If there is no record.
    pub fn new(records: Vec<Arc<Record>>) -> Self {
        Self::of(records.into_iter().map(Entry::Record).collect())
    }

    /// Closes a hold and gives back what it was not captured for. `timestamp` is that of the record of
    /// the latter.
    pub fn closing(closing: Closing, timestamp: &str) -> Self {
        let closing = Arc::new(closing);
        let rest = closing.rest.clone().map(|amount| {
            let transaction = Transaction {
                idempotent_key: closing.idempotent_key.clone(),
                user_id: closing.user_id.clone(),
                amount,
                transaction_type: TransactionType::Credit,
                metadata: None,
            };
            Arc::new(Record {
                transaction,
                timestamp: timestamp.into(),
                call_id: closing.call_id,
                place: None,
                role: Role::Return { hold: closing.hold.clone() },
            })
        });
        let key = rest.map_or_else(|| Entry::FreeKey(Arc::clone(&closing)), Entry::Record);
        // The hold first: it shows whether a request took effect, which a free key does not.
        Self::of(smallvec![Entry::Closing(closing), key])
    }

    fn of(entries: SmallVec<[Entry; 1]>) -> Self {
        assert!(!entries.is_empty(), "a group has an entry");
        let mut users = SmallVec::new();
        for entry in &entries {
            if !users.contains(entry.user_id()) {
                users.push(entry.user_id().clone());
            }
        }
        Self { entries, users }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn names(&self) -> impl Iterator<Item = Name<'_>> {
        self.entries.iter().map(Entry::name)
    }

    pub fn keys(&self) -> impl Iterator<Item = &IdempotentKey> {
        self.entries.iter().map(Entry::key)
    }

    /// Each once, in the order of the list.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// How it closes a hold, if that is what it does.
    pub fn as_closing(&self) -> Option<&Closing> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Closing(closing) => Some(&**closing),
            Entry::Record(_) | Entry::FreeKey(_) => None,
        })
    }

    /// Whether it asks something of a balance.
    pub fn has_debit(&self) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Record(it) => it.transaction.transaction_type == TransactionType::Debit,
            Entry::Closing(_) | Entry::FreeKey(_) => false,
        })
    }

    /// Whether another group is the same request, or one that differs only in how much it moves.
    pub fn has_names_of(&self, other: &Self) -> bool {
        let hold = |group: &Self| group.as_closing().map(|it| (it.state(), it.amount.clone()));
        self.names().eq(other.names()) && hold(self) == hold(other)
    }

    /// An error about one of several transactions. A call for one of them needs no index.
    pub fn locate(&self, error: BalanceError, index: usize) -> BalanceError {
        let is_list = self.entries.len() > 1 && self.as_closing().is_none();
        if is_list { error.at(index) } else { error }
    }

    /// Whether another group asks for the same.
    pub fn asks_for_same(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(one, other)| one.asks_for_same(other))
    }

    /// Whether it was made by the same call.
    pub fn is_of_same_call(&self, other: &Self) -> bool {
        self.call_id() == other.call_id()
    }

    fn call_id(&self) -> Option<CallId> {
        self.entries.first().map(Entry::call_id)
    }
}
