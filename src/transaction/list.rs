//! Transactions that are to take effect together: what of them can be one request.

use std::collections::{HashMap, HashSet};

use super::{Transaction, UserId};
use crate::core::balance_change::BalanceChange;
use crate::core::writes::MAX_ACTIONS;
use crate::error::{BalanceError, ErrorCode};

/// How many transactions there may be, before anything is known about them.
pub fn validate_count(count: usize) -> Result<(), BalanceError> {
    match count {
        0 => Err(refuse("must be 1 at least, not 0")),
        1..MAX_ACTIONS => Ok(()),
        _ => {
            let max = MAX_ACTIONS - 1;
            Err(refuse(&format!("must be at most {max}, not {count}")))
        }
    }
}

/// Whether transactions can be one request.
pub fn validate(transactions: Vec<Transaction>) -> Result<Vec<Transaction>, BalanceError> {
    validate_count(transactions.len())?;
    let mut keys = HashSet::new();
    let mut changes: HashMap<&UserId, BalanceChange> = HashMap::new();
    for (index, transaction) in transactions.iter().enumerate() {
        let key = &transaction.idempotent_key;
        if !keys.insert(key) {
            let complaint = format!("must not have the idempotentKey {:?} twice", key.as_str());
            return Err(refuse(&complaint).at(index));
        }
        let change = changes.entry(&transaction.user_id).or_default();
        change.add(transaction);
        if !change.is_storable() {
            return Err(out_of_range().at(index));
        }
    }
    let actions = transactions.len() + changes.len();
    if actions > MAX_ACTIONS {
        return Err(refuse(&format!(
            "must be at most {MAX_ACTIONS} actions, one for each transaction and one for each user, \
             not {actions}"
        )));
    }
    Ok(transactions)
}

fn refuse(complaint: &str) -> BalanceError {
    let message = format!("Invalid input: transactions {complaint}. Nothing happened.");
    BalanceError::new(ErrorCode::InvalidTransactions, message)
}

fn out_of_range() -> BalanceError {
    BalanceError::new(
        ErrorCode::AmountOutOfRange,
        "Amounts of one user must add up to a DynamoDB number of at most 38 digits. Nothing happened.",
    )
}
