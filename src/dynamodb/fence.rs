//! Putting up a fence: one `TransactWriteItems` that adds a request to the fences of the balance,
//! provided that the request has not taken effect.

use std::time::SystemTime;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem, Update};

use super::connection::Connection;
use super::fault;
use super::write::{self, WriteRequest};
use crate::error::{BalanceError, ErrorCode};
use crate::fence;
use crate::options::Options;
use crate::store::SendGate;
use crate::store::{CallId, Fault, FenceAnswer};

/// The records of a request are written together or not at all, so that the first one stands for
/// them all.
pub async fn send(
    request: &WriteRequest,
    standing: &[CallId],
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<FenceAnswer, Fault> {
    let fences = fence::with_one_more(standing, request.request_id, SystemTime::now())
        .ok_or_else(|| Fault::Final(too_many_fences()))?;
    let absent = request.records.first().map(|record| write::absent_record(record, options));
    let raise = TransactWriteItem::builder().update(raise(request, standing, &fences, options));
    let actions = absent.into_iter().chain([raise.build()]).collect();
    let composed = write::compose(actions, connection)?;
    match write::send(composed, connection, gate, options).await? {
        None => Ok(FenceAnswer::Fenced),
        Some(reasons) => read_reasons(&reasons),
    }
}

/// The reasons come by position: the record's first, then the balance's.
fn read_reasons(reasons: &[CancellationReason]) -> Result<FenceAnswer, Fault> {
    match reasons {
        [record, _] if write::is_condition_failure(record) => {
            Ok(FenceAnswer::KeyTaken(write::existing_record(record.item())))
        }
        [_, balance] if write::is_condition_failure(balance) => {
            Ok(FenceAnswer::Outdated(write::fences(balance.item())))
        }
        reasons => Err(fault::unexpected_cancellation(reasons)),
    }
}

fn raise(
    request: &WriteRequest,
    standing: &[CallId],
    fences: &[CallId],
    options: &Options,
) -> Update {
    let update = write::balance_update(&request.records, options)
        .update_expression("SET fencedCalls = :fences")
        .expression_attribute_values(":fences", set(fences));
    // Somebody else may have put up a fence in between, which must not be torn down.
    if standing.is_empty() {
        update.condition_expression("attribute_not_exists(fencedCalls)")
    } else {
        update
            .condition_expression("fencedCalls = :standing")
            .expression_attribute_values(":standing", set(standing))
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
