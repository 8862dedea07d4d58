//! What several transactions of one user together do to the balance.

use crate::money::Decimal;
use crate::transaction::{Transaction, TransactionType};

/// Credits and debits, summed exactly.
#[derive(Clone, Debug, Default)]
pub struct BalanceChange {
    credits: Decimal,
    debits: Decimal,
}

/// Which way a movement goes as a whole, and how far: zero or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Net {
    Credit(Decimal),
    Debit(Decimal),
}

impl BalanceChange {
    pub fn of<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> Self {
        let mut movement = Self::default();
        for transaction in transactions {
            movement.add(transaction);
        }
        movement
    }

    pub fn add(&mut self, transaction: &Transaction) {
        let amount = transaction.amount.as_decimal();
        match transaction.transaction_type {
            TransactionType::Credit => self.credits = self.credits.plus(amount),
            TransactionType::Debit => self.debits = self.debits.plus(amount),
        }
    }

    /// Adds a transaction unless the sum would then have more digits than DynamoDB holds. The first
    /// one is added in any case.
    pub fn add_if_storable(&mut self, transaction: &Transaction) -> bool {
        let mut longer = self.clone();
        longer.add(transaction);
        let is_first = self.credits.is_zero() && self.debits.is_zero();
        let is_added = is_first || longer.net().as_decimal().is_storable();
        if is_added {
            *self = longer;
        }
        is_added
    }

    /// What the balance has to be at least, which can be less than nothing: with the credits
    /// ordered first, each debit is covered at its place. `None` without a debit.
    pub fn floor(&self) -> Option<Decimal> {
        self.debits.is_positive().then(|| self.debits.minus(&self.credits))
    }

    /// The sum of all.
    pub fn net(&self) -> Net {
        if self.debits > self.credits {
            Net::Debit(self.debits.minus(&self.credits))
        } else {
            Net::Credit(self.credits.minus(&self.debits))
        }
    }
}

impl Net {
    pub fn as_decimal(&self) -> &Decimal {
        match self {
            Self::Credit(amount) | Self::Debit(amount) => amount,
        }
    }
}

#[cfg(test)]
mod tests;
