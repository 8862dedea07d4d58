//! Successes on their way to JavaScript, as plain data. Numbers that have to be exact are strings.

use napi_derive::napi;

use super::history::TransactionData;
use crate::core::history::RecordedTransaction;
use crate::driver::closing::Closed;
use crate::driver::ledger::{Balance, Recorded};

/// The balance of a user in full.
#[napi(object)]
pub struct BalanceData {
    pub user_id: String,
    pub balance: String,
    pub held: String,
    pub exists: bool,
}

impl From<Balance> for BalanceData {
    fn from(balance: Balance) -> Self {
        Self {
            user_id: balance.user_id.as_str().to_owned(),
            balance: balance.balance.to_plain_string(),
            held: balance.held.to_plain_string(),
            exists: balance.exists,
        }
    }
}

/// Transactions as they are recorded.
#[napi(object)]
pub struct TransactionsData {
    pub transactions: Vec<TransactionData>,
    pub replayed: bool,
}

/// A hold that was closed.
impl From<Closed> for TransactionsData {
    fn from(closed: Closed) -> Self {
        Self { transactions: vec![closed.hold.into()], replayed: closed.is_replayed }
    }
}

impl From<Recorded> for TransactionsData {
    fn from(recorded: Recorded) -> Self {
        Self {
            transactions: recorded.transactions.into_iter().map(TransactionData::from).collect(),
            replayed: recorded.is_replayed,
        }
    }
}

/// What is recorded under one key, if anything is.
impl From<Option<RecordedTransaction>> for TransactionsData {
    fn from(transaction: Option<RecordedTransaction>) -> Self {
        let transactions = transaction.into_iter().map(TransactionData::from).collect();
        Self { transactions, replayed: false }
    }
}
