//! Writing transactions of one user: one `TransactWriteItems` that puts their records and moves
//! the balance by their sum.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput,
};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use uuid::Uuid;

use super::connection::Connection;
use super::{fault, stored_balance, table};
use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::movement::{Movement, Net};
use crate::options::Options;
use crate::store::SendGate;
use crate::store::{
    CallId, ExistingRecord, Fault, Record, RecordState, Refusal, RefusedBalance, WriteAnswer,
};

/// Transactions ready to be sent, again and again if need be.
#[derive(Debug)]
pub struct WriteRequest {
    pub(super) request_id: CallId,
    pub(super) records: Vec<Arc<Record>>,
    /// Composed once for each token: a repetition with the same token must have the same bytes.
    composed: Option<HttpRequest>,
}

impl WriteRequest {
    pub fn new(request_id: CallId, records: &[Arc<Record>]) -> Self {
        Self { request_id, records: records.to_vec(), composed: None }
    }

    pub async fn send(
        &mut self,
        connection: &Connection,
        gate: &SendGate,
        options: &Options,
    ) -> Result<WriteAnswer, Fault> {
        let request = match self.composed.take() {
            Some(request) => request,
            None => compose(self.actions(options), connection)?,
        };
        self.composed = request.try_clone();
        let answer = match send(request, connection, gate, options).await {
            Err(fault) => Err(fault),
            Ok(None) => Ok(WriteAnswer::Committed),
            Ok(Some(reasons)) => {
                // This token has been answered. Should the cancellation be worth another attempt,
                // that is a new request, which the records' call identifiers protect from its own
                // twin.
                self.composed = None;
                read_reasons(&reasons)
            }
        };
        match (answer, self.records.as_slice()) {
            (Err(Fault::Rejected(error)), [record])
                if error.code == ErrorCode::AmountOutOfRange =>
            {
                look_for_record(record, error, connection, gate, options).await
            }
            (answer, _) => answer,
        }
    }

    /// The records first, in order, and then the balance.
    fn actions(&self, options: &Options) -> Vec<TransactWriteItem> {
        let puts = self
            .records
            .iter()
            .map(|record| TransactWriteItem::builder().put(put_record(record, options)).build());
        let update = update_balance(self.request_id, &self.records, options);
        puts.chain([TransactWriteItem::builder().update(update).build()]).collect()
    }
}

/// DynamoDB may find that a sum does not fit before it finds that the key is taken. But a
/// duplicate is a duplicate, so that the record has to be asked for.
async fn look_for_record(
    record: &Record,
    out_of_range: BalanceError,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<WriteAnswer, Fault> {
    let request = compose(vec![absent_record(record, options)], connection)?;
    match send(request, connection, gate, options).await? {
        None => Err(Fault::Rejected(out_of_range)),
        Some(reasons) => match reasons.as_slice() {
            [record] if is_condition_failure(record) => Ok(WriteAnswer::Refused(Refusal {
                records: vec![RecordState::Taken(existing_record(record.item()))],
                balance: None,
            })),
            reasons => Err(fault::unexpected_cancellation(reasons)),
        },
    }
}

/// The condition that a record is not there, telling what is.
pub(super) fn absent_record(record: &Record, options: &Options) -> TransactWriteItem {
    let key = record.transaction.idempotent_key.as_str().to_owned();
    let check = ConditionCheck::builder()
        .table_name(&options.transactions_table)
        .key("idempotentKey", AttributeValue::S(key))
        .condition_expression("attribute_not_exists(idempotentKey)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("table, key and condition are set");
    TransactWriteItem::builder().condition_check(check).build()
}

/// A transaction with a token of its own.
pub(super) fn compose(
    actions: Vec<TransactWriteItem>,
    connection: &Connection,
) -> Result<HttpRequest, Fault> {
    let input = TransactWriteItemsInput::builder()
        .set_transact_items(Some(actions))
        // At most 36 characters, which a UUID fills exactly.
        .client_request_token(Uuid::new_v4().to_string())
        .build()
        .expect("all fields are optional");
    connection
        .transact_write_items
        .compose(input)
        .map_err(|error| fault::unsendable(error.as_ref()))
}

/// One attempt at a transaction: committed, or the reasons why it was cancelled.
pub(super) async fn send(
    request: HttpRequest,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<Option<Vec<CancellationReason>>, Fault> {
    let protocol = &connection.transact_write_items;
    let Err(error) = connection.wire.send(protocol, request, gate).await else {
        return Ok(None);
    };
    if let Some(reasons) = cancellation_reasons(&error) {
        return Ok(Some(reasons.to_vec()));
    }
    if fault::is_table_missing(&error) {
        return Err(table::missing(connection, options).await);
    }
    Err(fault::classify(&error, gate.has_passed()))
}

fn put_record(record: &Record, options: &Options) -> Put {
    let transaction = &record.transaction;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Put::builder()
        .table_name(&options.transactions_table)
        .item("idempotentKey", text(transaction.idempotent_key.as_str()))
        .item("userId", text(transaction.user_id.as_str()))
        .item("amount", number(transaction.amount.as_decimal()))
        .item("type", text(transaction.transaction_type.as_str()))
        .item("timestamp", text(&record.timestamp))
        .item("callId", text(&record.call_id.to_string()))
        .condition_expression("attribute_not_exists(idempotentKey)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("table and item are set")
}

fn update_balance(request_id: CallId, records: &[Arc<Record>], options: &Options) -> Update {
    let net = net_of(records);
    let expression = match net {
        Net::Credit(_) => "SET balance = if_not_exists(balance, :default) + :amount",
        Net::Debit(_) => "SET balance = if_not_exists(balance, :default) - :amount",
    };
    let update = balance_update(records, options)
        .update_expression(expression)
        .expression_attribute_values(":default", number(options.default_balance.as_decimal()))
        .expression_attribute_values(":amount", number(net.as_decimal()))
        .condition_expression(format!(
            "({}) AND NOT contains(fencedCalls, :call)",
            allowing_balance(&net, options)
        ))
        .expression_attribute_values(":call", AttributeValue::S(request_id.to_string()));
    match net {
        Net::Credit(_) => {
            update.expression_attribute_values(":number", AttributeValue::S("N".to_owned()))
        }
        Net::Debit(_) => update,
    }
    .build()
    .expect("table, key and expression are set")
}

fn net_of(records: &[Arc<Record>]) -> Net {
    Movement::of(records.iter().map(|record| &record.transaction)).net()
}

/// What every action on the balance of some records' user has in common.
pub(super) fn balance_update(records: &[Arc<Record>], options: &Options) -> UpdateBuilder {
    let user_id = records.first().map_or("", |record| record.transaction.user_id.as_str());
    Update::builder()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(user_id.to_owned()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// The condition under which a balance allows a movement.
fn allowing_balance(net: &Net, options: &Options) -> &'static str {
    match net {
        // Without it a corrupt balance would fail as an unspecific validation error.
        Net::Credit(_) => "attribute_not_exists(balance) OR attribute_type(balance, :number)",
        // A balance that is not a number compares as false.
        Net::Debit(amount) if options.default_balance.as_decimal() >= amount => {
            "attribute_not_exists(balance) OR balance >= :amount"
        }
        Net::Debit(_) => "balance >= :amount",
    }
}

fn number(decimal: &Decimal) -> AttributeValue {
    AttributeValue::N(decimal.to_string())
}

fn cancellation_reasons(
    error: &SdkError<TransactWriteItemsError>,
) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

/// The reasons come by position: the records' first, then the balance's. With none of them about
/// what is stored, this was not an answer.
fn read_reasons(reasons: &[CancellationReason]) -> Result<WriteAnswer, Fault> {
    let Some((balance, records)) = reasons.split_last() else {
        return Err(fault::unexpected_cancellation(reasons));
    };
    let records: Vec<RecordState> = records.iter().map(record_state).collect();
    let balance = is_condition_failure(balance).then(|| RefusedBalance {
        balance: stored_balance(balance.item()),
        fences: fences(balance.item()),
    });
    // A record in conflict may turn out to be a duplicate, which is told before an insufficient
    // balance: only with the record in the clear does the balance's refusal count.
    let is_answer = records.iter().any(|state| match state {
        RecordState::Taken(_) => true,
        RecordState::Free => balance.is_some(),
        RecordState::Unclear => false,
    });
    if is_answer {
        Ok(WriteAnswer::Refused(Refusal { records, balance }))
    } else {
        Err(fault::unexpected_cancellation(reasons))
    }
}

fn record_state(reason: &CancellationReason) -> RecordState {
    if is_condition_failure(reason) {
        RecordState::Taken(existing_record(reason.item()))
    } else if is_in_the_clear(reason) {
        RecordState::Free
    } else {
        RecordState::Unclear
    }
}

pub(super) fn is_condition_failure(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn is_in_the_clear(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
}

pub(super) fn fences(item: Option<&HashMap<String, AttributeValue>>) -> Vec<CallId> {
    let fences = item.and_then(|attributes| attributes.get("fencedCalls")?.as_ss().ok());
    fences.into_iter().flatten().filter_map(|fence| CallId::parse(fence)).collect()
}

pub(super) fn existing_record(item: Option<&HashMap<String, AttributeValue>>) -> ExistingRecord {
    let Some(item) = item else { return ExistingRecord::default() };
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    ExistingRecord {
        user_id: text("userId"),
        amount: item
            .get("amount")
            .and_then(|value| value.as_n().ok())
            .and_then(|number| Decimal::parse(number)),
        transaction_type: text("type"),
        call_id: text("callId"),
    }
}

#[cfg(test)]
mod tests;
