//! What a caller asks for: validated once, then impossible to hold wrong.

pub mod list;
mod metadata;

use std::sync::Arc;

use crate::error::{BalanceError, ErrorCode};
use crate::money::{Amount, Decimal};
use crate::value::Value;
pub use metadata::Metadata;

/// The longest partition key in bytes of UTF-8.
/// Source: Amazon DynamoDB Developer Guide, "Quotas", partition key length.
pub const MAX_KEY: usize = 2048;

/// How the two functions speak of a field; callers match on the exact words.
struct Wording {
    subject: &'static str,
    ending: &'static str,
    code: ErrorCode,
}

impl Wording {
    fn refuse(&self, complaint: &str) -> BalanceError {
        BalanceError::new(self.code, format!("{} {complaint}{}", self.subject, self.ending))
    }
}

/// The account a call is about: 1 to 2,048 bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// In the words of `getCurrentBalance`.
    pub fn validate_for_balance(value: Value) -> Result<Self, BalanceError> {
        let wording = Wording {
            subject: "Invalid input: userId",
            ending: ".",
            code: ErrorCode::InvalidUserId,
        };
        validate_key(value, &wording).map(Self)
    }

    /// In the words of `transact`.
    pub fn validate_for_transaction(value: Value) -> Result<Self, BalanceError> {
        let wording = Wording { subject: "User ID", ending: "", code: ErrorCode::InvalidUserId };
        validate_key(value, &wording).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The caller's name for one transaction: 1 to 2,048 bytes of UTF-8, unique among all users.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotentKey(Arc<str>);

impl IdempotentKey {
    pub fn validate(value: Value) -> Result<Self, BalanceError> {
        let wording = Wording {
            subject: "Idempotent key",
            ending: "",
            code: ErrorCode::InvalidIdempotentKey,
        };
        validate_key(value, &wording).map(Self)
    }

    /// The key that a hold was made with, for calls that close it.
    pub fn validate_of_hold(value: Value) -> Result<Self, BalanceError> {
        let wording = Wording { subject: "Hold", ending: "", code: ErrorCode::InvalidHold };
        validate_key(value, &wording).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn validate_key(value: Value, wording: &Wording) -> Result<Arc<str>, BalanceError> {
    match value {
        Value::Undefined | Value::Null => Err(wording.refuse("is required")),
        Value::Text(text) if text.is_empty() => Err(wording.refuse("is required")),
        Value::Text(text) if text.len() > MAX_KEY => Err(wording
            .refuse(&format!("must be at most {MAX_KEY} bytes long in UTF-8, not {}", text.len()))),
        Value::Text(text) => Ok(text.into()),
        Value::MalformedText => {
            Err(wording.refuse("must be well-formed Unicode, without unpaired surrogates"))
        }
        other => Err(wording.refuse(&format!("must be a string, not {}", other.kind()))),
    }
}

/// Which way the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionType {
    Credit,
    Debit,
}

impl TransactionType {
    pub fn validate(value: &Value) -> Result<Self, BalanceError> {
        match value {
            Value::Text(text) if text == "credit" => Ok(Self::Credit),
            Value::Text(text) if text == "debit" => Ok(Self::Debit),
            _ => Err(BalanceError::new(
                ErrorCode::InvalidType,
                "Transaction type must be either \"credit\" or \"debit\"",
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
        }
    }
}

/// One movement of money on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub idempotent_key: IdempotentKey,
    pub user_id: UserId,
    pub amount: Amount,
    pub transaction_type: TransactionType,
    /// The caller's own words about it, which mean nothing here.
    pub metadata: Option<Metadata>,
}

impl Transaction {
    /// Complains of the first wrong field in the contract's order: key, user, amount, type.
    pub fn validate(
        idempotent_key: Value,
        user_id: Value,
        amount: &Value,
        transaction_type: &Value,
    ) -> Result<Self, BalanceError> {
        Ok(Self {
            idempotent_key: IdempotentKey::validate(idempotent_key)?,
            user_id: UserId::validate_for_transaction(user_id)?,
            amount: Amount::validate(amount)?,
            transaction_type: TransactionType::validate(transaction_type)?,
            metadata: None,
        })
    }

    /// The same with an amount that may be text, and with metadata, which is looked at last.
    pub fn validate_exact(
        idempotent_key: Value,
        user_id: Value,
        amount: &Value,
        transaction_type: &Value,
        metadata: Result<Option<Metadata>, BalanceError>,
    ) -> Result<Self, BalanceError> {
        Ok(Self {
            idempotent_key: IdempotentKey::validate(idempotent_key)?,
            user_id: UserId::validate_for_transaction(user_id)?,
            amount: Amount::validate_exact(amount)?,
            transaction_type: TransactionType::validate(transaction_type)?,
            metadata: metadata?,
        })
    }

    /// What it adds to the balance: negative for a debit.
    pub fn signed_amount(&self) -> Decimal {
        let amount = self.amount.as_decimal();
        match self.transaction_type {
            TransactionType::Credit => amount.clone(),
            TransactionType::Debit => amount.negated(),
        }
    }
}

#[cfg(test)]
mod tests;
