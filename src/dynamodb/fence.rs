//! Putting up a fence: one `TransactWriteItems` that adds a refused call to the fences of the
//! balance, provided that its record is not there and the balance still does not allow it.

use std::time::SystemTime;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::connection::Connection;
use super::departure::Departure;
use super::write;
use crate::error::{BalanceError, ErrorCode};
use crate::fence;
use crate::options::Options;
use crate::store::{CallId, Fault, FenceAnswer, Record, RefusedBalance, WriteAnswer};

pub async fn send(
    record: &Record,
    refused: &RefusedBalance,
    connection: &Connection,
    departure: Departure,
    options: &Options,
) -> Result<FenceAnswer, Fault> {
    let fences = fence::with_one_more(&refused.fences, record.call_id, SystemTime::now())
        .ok_or_else(|| Fault::Final(too_many_fences()))?;
    let actions = vec![
        write::absent_record(record, options),
        TransactWriteItem::builder().update(raise(record, refused, &fences, options)).build(),
    ];
    match write::send(actions, &write::new_token(), connection, departure, options).await? {
        None => Ok(FenceAnswer::Fenced),
        Some(reasons) => Ok(match write::read_reasons(&reasons)? {
            WriteAnswer::KeyTaken(existing) => FenceAnswer::KeyTaken(existing),
            WriteAnswer::BalanceRefused(_) | WriteAnswer::Committed => FenceAnswer::Outdated,
        }),
    }
}

fn raise(
    record: &Record,
    refused: &RefusedBalance,
    fences: &[CallId],
    options: &Options,
) -> Update {
    let allowing = write::allowing_balance(record, options);
    let update = write::balance_update(record, options)
        .update_expression("SET fencedCalls = :fences")
        .expression_attribute_values(":fences", set(fences));
    // Somebody else may have put up a fence in between, which must not be torn down.
    if refused.fences.is_empty() {
        update
            .condition_expression(format!("NOT ({allowing}) AND attribute_not_exists(fencedCalls)"))
    } else {
        update
            .condition_expression(format!("NOT ({allowing}) AND fencedCalls = :standing"))
            .expression_attribute_values(":standing", set(&refused.fences))
    }
    .build()
    .expect("table, key and expression are set")
}

fn set(calls: &[CallId]) -> AttributeValue {
    AttributeValue::Ss(calls.iter().map(ToString::to_string).collect())
}

fn too_many_fences() -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        "Too many calls on this account were refused after lost answers within the last hour.",
    )
}

#[cfg(test)]
mod tests;
