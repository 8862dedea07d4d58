//! What balances that were seen can pay for.

use std::collections::HashMap;

use super::corrupt_balance;
use crate::core::group::Group;
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::transaction::{Transaction, TransactionType, UserId};

/// What one balance can pay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Funds {
    /// The stored balance is not a number.
    Unusable,
    UpTo(Decimal),
}

impl Funds {
    pub fn of(balance: &StoredBalance, default_balance: &Decimal) -> Self {
        match balance {
            StoredBalance::Corrupt => Self::Unusable,
            StoredBalance::Absent => Self::UpTo(default_balance.clone()),
            StoredBalance::Number(balance) => Self::UpTo(balance.clone()),
        }
    }

    /// What is left after a transaction, or why the balance does not allow it.
    fn after(&self, transaction: &Transaction) -> Result<Self, BalanceError> {
        match self {
            Self::Unusable => Err(corrupt_balance(&transaction.user_id)),
            Self::UpTo(balance)
                if transaction.transaction_type == TransactionType::Debit
                    && transaction.amount.as_decimal() > balance =>
            {
                Err(insufficient(balance))
            }
            Self::UpTo(balance) => Ok(Self::UpTo(balance.plus(&transaction.signed_amount()))),
        }
    }
}

/// The funds of those users whose balance was seen. The others have no limit.
#[derive(Clone, Debug, Default)]
pub struct FundsOfUsers(HashMap<UserId, Funds>);

impl FundsOfUsers {
    pub fn insert(&mut self, user_id: UserId, funds: Funds) {
        self.0.insert(user_id, funds);
    }

    /// Why a group alone, one transaction after the other, is not paid for; `None` if it is.
    pub fn refusal_of(&self, group: &Group) -> Option<BalanceError> {
        self.after(group).err()
    }

    /// Whether a group is paid for; if so, what it moves is gone or there for the next ones.
    pub fn take(&mut self, group: &Group) -> bool {
        let Ok(after) = self.after(group) else { return false };
        self.0.extend(after.into_iter().map(|(user_id, funds)| (user_id.clone(), funds)));
        true
    }

    fn after<'a>(&self, group: &'a Group) -> Result<HashMap<&'a UserId, Funds>, BalanceError> {
        let mut left: HashMap<&UserId, Funds> = HashMap::new();
        for (index, transaction) in group.transactions().enumerate() {
            let user_id = &transaction.user_id;
            if let Some(funds) = left.get(user_id).or_else(|| self.0.get(user_id)) {
                let after = funds.after(transaction);
                left.insert(user_id, after.map_err(|error| group.locate(error, index))?);
            }
        }
        Ok(left)
    }
}

impl IntoIterator for FundsOfUsers {
    type Item = (UserId, Funds);
    type IntoIter = std::collections::hash_map::IntoIter<UserId, Funds>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

fn insufficient(available: &Decimal) -> BalanceError {
    let message = "Insufficient balance: Cannot process debit transaction.";
    BalanceError {
        available: Some(Box::new(available.clone())),
        ..BalanceError::new(ErrorCode::InsufficientBalance, message)
    }
}
