//! Writing a transaction: one `TransactWriteItems` that puts the record and moves the balance.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use uuid::Uuid;

use super::connection::Connection;
use super::departure::Departure;
use super::{fault, stored_balance, table};
use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::options::Options;
use crate::store::{CallId, ExistingRecord, Fault, Record, RefusedBalance, WriteAnswer};
use crate::transaction::TransactionType;

/// A transaction ready to be sent, again and again if need be.
#[derive(Debug)]
pub struct WriteRequest {
    pub(super) record: Record,
    /// Built once: a repetition with the same token must have the same bytes, and a HashMap made
    /// anew would list its attributes in another order.
    actions: Vec<TransactWriteItem>,
    token: String,
}

impl WriteRequest {
    pub fn new(record: &Record, options: &Options) -> Self {
        let put = TransactWriteItem::builder().put(put_record(record, options)).build();
        let update = TransactWriteItem::builder().update(update_balance(record, options)).build();
        Self { record: record.clone(), actions: vec![put, update], token: new_token() }
    }

    pub async fn send(
        &mut self,
        connection: &Connection,
        departure: Departure,
        options: &Options,
    ) -> Result<WriteAnswer, Fault> {
        let actions = self.actions.clone();
        let sent = send(actions, &self.token, connection, departure.clone(), options).await;
        let answer = match sent {
            Err(fault) => Err(fault),
            Ok(None) => Ok(WriteAnswer::Committed),
            Ok(Some(reasons)) => {
                // This token has been answered. Should the cancellation be worth another attempt,
                // that is a new request, which the record's call identifier protects from its own
                // twin.
                self.token = new_token();
                read_reasons(&reasons)
            }
        };
        match answer {
            Err(Fault::Final(error)) if error.code == ErrorCode::AmountOutOfRange => {
                self.look_for_record(error, connection, departure, options).await
            }
            answer => answer,
        }
    }

    /// DynamoDB may find that a sum does not fit before it finds that the key is taken. But a
    /// duplicate is a duplicate, so that the record has to be asked for.
    async fn look_for_record(
        &self,
        out_of_range: BalanceError,
        connection: &Connection,
        departure: Departure,
        options: &Options,
    ) -> Result<WriteAnswer, Fault> {
        let actions = vec![absent_record(&self.record, options)];
        match send(actions, &new_token(), connection, departure, options).await? {
            None => Err(Fault::Final(out_of_range)),
            Some(reasons) => match reasons.as_slice() {
                [record] if is_condition_failure(record) => {
                    Ok(WriteAnswer::KeyTaken(existing_record(record.item())))
                }
                reasons => Err(fault::unexpected_cancellation(reasons)),
            },
        }
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

/// One attempt at a transaction: committed, or the reasons why it was cancelled.
pub(super) async fn send(
    actions: Vec<TransactWriteItem>,
    token: &str,
    connection: &Connection,
    departure: Departure,
    options: &Options,
) -> Result<Option<Vec<CancellationReason>>, Fault> {
    let outcome = connection
        .client
        .transact_write_items()
        .set_transact_items(Some(actions))
        .client_request_token(token)
        .customize()
        .interceptor(departure.clone())
        .send()
        .await;
    let Err(error) = outcome else { return Ok(None) };
    if let Some(reasons) = cancellation_reasons(&error) {
        return Ok(Some(reasons.to_vec()));
    }
    if fault::is_table_missing(&error) {
        return Err(Fault::Final(table::missing(connection, options).await));
    }
    Err(fault::classify(&error, departure.has_left()))
}

/// A `ClientRequestToken`: at most 36 characters, which a UUID fills exactly.
pub(super) fn new_token() -> String {
    Uuid::new_v4().to_string()
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

fn update_balance(record: &Record, options: &Options) -> Update {
    let transaction = &record.transaction;
    let expression = match transaction.transaction_type {
        TransactionType::Credit => "SET balance = if_not_exists(balance, :default) + :amount",
        TransactionType::Debit => "SET balance = if_not_exists(balance, :default) - :amount",
    };
    let default_balance = options.default_balance.as_decimal();
    balance_update(record, options)
        .update_expression(expression)
        .expression_attribute_values(":default", number(default_balance))
        .expression_attribute_values(":amount", number(transaction.amount.as_decimal()))
        .condition_expression(format!(
            "({}) AND NOT contains(fencedCalls, :call)",
            allowing_balance(record, options)
        ))
        .expression_attribute_values(":call", AttributeValue::S(record.call_id.to_string()))
        .build()
        .expect("table, key and expression are set")
}

/// What every action on the balance of a record's user has in common.
pub(super) fn balance_update(record: &Record, options: &Options) -> UpdateBuilder {
    let transaction = &record.transaction;
    let update = Update::builder()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(transaction.user_id.as_str().to_owned()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match transaction.transaction_type {
        TransactionType::Credit => {
            update.expression_attribute_values(":number", AttributeValue::S("N".to_owned()))
        }
        TransactionType::Debit => {
            update.expression_attribute_values(":amount", number(transaction.amount.as_decimal()))
        }
    }
}

/// The condition under which a balance allows a transaction.
pub(super) fn allowing_balance(record: &Record, options: &Options) -> &'static str {
    let transaction = &record.transaction;
    let default_covers = options.default_balance.as_decimal() >= transaction.amount.as_decimal();
    match transaction.transaction_type {
        // Without it a corrupt balance would fail as an unspecific validation error.
        TransactionType::Credit => {
            "attribute_not_exists(balance) OR attribute_type(balance, :number)"
        }
        // A balance that is not a number compares as false.
        TransactionType::Debit if default_covers => {
            "attribute_not_exists(balance) OR balance >= :amount"
        }
        TransactionType::Debit => "balance >= :amount",
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

/// The reasons come by position: the record's first, then the balance's.
pub(super) fn read_reasons(reasons: &[CancellationReason]) -> Result<WriteAnswer, Fault> {
    let [record, balance] = reasons else {
        return Err(fault::unexpected_cancellation(reasons));
    };
    if is_condition_failure(record) {
        return Ok(WriteAnswer::KeyTaken(existing_record(record.item())));
    }
    // A record in conflict may turn out to be a duplicate, which is told before an insufficient
    // balance: only with the record in the clear does the balance's refusal count.
    if is_condition_failure(balance) && is_in_the_clear(record) {
        return Ok(WriteAnswer::BalanceRefused(RefusedBalance {
            balance: stored_balance(balance.item()),
            fences: fences(balance.item()),
        }));
    }
    Err(fault::unexpected_cancellation(reasons))
}

fn is_condition_failure(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn is_in_the_clear(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
}

fn fences(item: Option<&HashMap<String, AttributeValue>>) -> Vec<CallId> {
    let fences = item.and_then(|attributes| attributes.get("fencedCalls")?.as_ss().ok());
    fences.into_iter().flatten().filter_map(|fence| CallId::parse(fence)).collect()
}

fn existing_record(item: Option<&HashMap<String, AttributeValue>>) -> ExistingRecord {
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
