//! What several transactions, one after the other, do to a balance.

use crate::money::Decimal;
use crate::store::{Entry, Role};
use crate::transaction::{Transaction, TransactionType};

/// Sums of credits and debits, exact, and what they ask of the balance before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceChange {
    sum: Decimal,
    floor: Option<Decimal>,
    held: Option<Decimal>,
}

impl BalanceChange {
    /// Of transactions of one user, in the order in which they take effect.
    pub fn of<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> Self {
        let mut change = Self::default();
        for transaction in transactions {
            change.add(transaction);
        }
        change
    }

    /// The next entry.
    pub fn add_entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Record(record) => {
                let transaction = &record.transaction;
                self.add(transaction);
                if matches!(record.role, Role::Hold { .. }) {
                    self.hold(transaction.amount.as_decimal());
                }
            }
            Entry::Closing(closing) => self.hold(&closing.amount.as_decimal().negated()),
            Entry::FreeKey(_) => {}
        }
    }

    fn hold(&mut self, amount: &Decimal) {
        self.held = Some(self.held.take().unwrap_or_default().plus(amount));
    }

    /// The next transaction.
    pub fn add(&mut self, transaction: &Transaction) {
        self.sum = self.sum.plus(&transaction.signed_amount());
        if transaction.transaction_type == TransactionType::Debit {
            let needed = self.sum.negated();
            self.floor = self.floor.take().max(Some(needed));
        }
    }

    /// What the balance has to be at least, so that each debit is covered at its place. It can be
    /// less than nothing. `None` without a debit.
    pub fn floor(&self) -> Option<&Decimal> {
        self.floor.as_ref()
    }

    /// Whether DynamoDB can hold what has to be written and compared.
    pub fn is_storable(&self) -> bool {
        let limits = [&self.floor, &self.held];
        self.sum.is_storable() && limits.into_iter().flatten().all(Decimal::is_storable)
    }

    /// The sum of all: what is added to the balance.
    pub fn sum(&self) -> &Decimal {
        &self.sum
    }

    /// What is added to the sum of the open holds. `None` without a hold, opened or closed.
    pub fn held(&self) -> Option<&Decimal> {
        self.held.as_ref()
    }
}

#[cfg(test)]
mod tests;
