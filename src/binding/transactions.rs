//! Transactions from JavaScript, field by field as they come.

use napi::Result;
use napi::bindgen_prelude::Either;

use super::value::{self, AnyValue};
use crate::error::{BalanceError, ErrorCode};
use crate::transaction::{Metadata, Transaction, list};
use crate::value::Value;

/// Key, user, amount, type, and metadata: names with their values, or what it is instead of an
/// object.
pub type TransactionFields<'env> = (
    AnyValue<'env>,
    AnyValue<'env>,
    AnyValue<'env>,
    AnyValue<'env>,
    Option<Either<Vec<(AnyValue<'env>, AnyValue<'env>)>, String>>,
);

/// The fields, taken out of JavaScript.
pub struct ReadFields {
    idempotent_key: Value,
    user_id: Value,
    amount: Value,
    transaction_type: Value,
    metadata: Option<std::result::Result<Vec<(Value, Value)>, String>>,
}

pub fn read(fields: TransactionFields<'_>) -> Result<ReadFields> {
    let (idempotent_key, user_id, amount, transaction_type, metadata) = fields;
    Ok(ReadFields {
        idempotent_key: value::read(idempotent_key)?,
        user_id: value::read(user_id)?,
        amount: value::read(amount)?,
        transaction_type: value::read(transaction_type)?,
        metadata: match metadata {
            None => None,
            Some(Either::A(entries)) => {
                let read = |(name, value)| Ok((value::read(name)?, value::read(value)?));
                Some(Ok(entries.into_iter().map(read).collect::<Result<_>>()?))
            }
            Some(Either::B(kind)) => Some(Err(kind)),
        },
    })
}

/// One transaction, in the order of the contract; metadata last.
pub fn validate_one(fields: ReadFields) -> std::result::Result<Transaction, BalanceError> {
    let metadata = match fields.metadata {
        None => Ok(None),
        Some(Ok(entries)) => Metadata::validate(entries).map(Some),
        Some(Err(kind)) => Err(BalanceError::new(
            ErrorCode::InvalidMetadata,
            format!("Metadata must be an object of strings, not {kind}"),
        )),
    };
    let ReadFields { idempotent_key, user_id, amount, transaction_type, .. } = fields;
    Transaction::validate_exact(idempotent_key, user_id, &amount, &transaction_type, metadata)
}

/// A group; `count` is how many transactions the caller asked for, of which `list` has the first.
pub fn validate_all(
    count: usize,
    list: Vec<ReadFields>,
) -> std::result::Result<Vec<Transaction>, BalanceError> {
    list::validate_count(count)?;
    let transactions = list
        .into_iter()
        .enumerate()
        .map(|(index, fields)| validate_one(fields).map_err(|error| error.at(index)));
    list::validate(transactions.collect::<std::result::Result<_, _>>()?)
}
