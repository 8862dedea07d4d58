//! What balances that were seen can pay for.

use std::collections::HashMap;

use super::corrupt;
use crate::core::group::Group;
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::store::{Entry, RefusedBalance, Role};
use crate::transaction::{Transaction, TransactionType, UserId};

/// What one balance can pay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funds {
    /// `None`: the stored balance is not a number.
    up_to: Option<Decimal>,
    /// Whether holds can be opened and closed.
    is_held_usable: bool,
}

impl Funds {
    pub fn of(refused: &RefusedBalance, default_balance: &Decimal) -> Self {
        let up_to = match &refused.balance {
            StoredBalance::Corrupt => None,
            StoredBalance::Absent => Some(default_balance.clone()),
            StoredBalance::Number(balance) => Some(balance.clone()),
        };
        Self { up_to, is_held_usable: refused.held != StoredBalance::Corrupt }
    }

    /// What is left after an entry, or why the balance does not allow it.
    fn after(&self, entry: &Entry) -> Result<Self, BalanceError> {
        let user_id = entry.user_id();
        let Some(balance) = &self.up_to else { return Err(corrupt("balance", user_id)) };
        let left = match entry {
            Entry::Record(record) => left(balance, &record.transaction)?,
            Entry::Closing(_) | Entry::FreeKey(_) => balance.clone(),
        };
        let is_about_holds = match entry {
            Entry::Record(record) => matches!(record.role, Role::Hold { .. }),
            Entry::Closing(_) => true,
            Entry::FreeKey(_) => false,
        };
        if is_about_holds && !self.is_held_usable {
            return Err(corrupt("held", user_id));
        }
        Ok(Self { up_to: Some(left), ..*self })
    }
}

fn left(balance: &Decimal, transaction: &Transaction) -> Result<Decimal, BalanceError> {
    let is_debit = transaction.transaction_type == TransactionType::Debit;
    if is_debit && transaction.amount.as_decimal() > balance {
        return Err(insufficient(balance));
    }
    Ok(balance.plus(&transaction.signed_amount()))
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
        for (index, entry) in group.entries().iter().enumerate() {
            let user_id = entry.user_id();
            if let Some(funds) = left.get(user_id).or_else(|| self.0.get(user_id)) {
                let after = funds.after(entry);
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
