//! Writing a transaction: one `TransactWriteItems` that puts the record and moves the balance.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use uuid::Uuid;

use super::connection::Connection;
use super::departure::Departure;
use super::{fault, stored_balance, table};
use crate::money::Decimal;
use crate::options::Options;
use crate::store::{ExistingRecord, Fault, Record, WriteAnswer};
use crate::transaction::TransactionType;

/// A transaction ready to be sent, again and again if need be.
#[derive(Debug)]
pub struct WriteRequest {
    /// Built once: a repetition with the same token must have the same bytes, and a HashMap made
    /// anew would list its attributes in another order.
    actions: Vec<TransactWriteItem>,
    token: String,
}

impl WriteRequest {
    pub fn new(record: &Record, options: &Options) -> Self {
        let put = TransactWriteItem::builder().put(put_record(record, options)).build();
        let update = TransactWriteItem::builder().update(update_balance(record, options)).build();
        Self { actions: vec![put, update], token: new_token() }
    }

    pub async fn send(
        &mut self,
        connection: &Connection,
        departure: Departure,
        options: &Options,
    ) -> Result<WriteAnswer, Fault> {
        let outcome = connection
            .client
            .transact_write_items()
            .set_transact_items(Some(self.actions.clone()))
            .client_request_token(&self.token)
            .customize()
            .interceptor(departure.clone())
            .send()
            .await;
        let Err(error) = outcome else { return Ok(WriteAnswer::Committed) };
        if let Some(reasons) = cancellation_reasons(&error) {
            // This token has been answered. Should the cancellation be worth another attempt, that
            // is a new request, which the record's call identifier protects from its own twin.
            self.token = new_token();
            return read_reasons(reasons);
        }
        if fault::is_table_missing(&error) {
            return Err(Fault::Final(table::missing(connection, options).await));
        }
        Err(fault::classify(&error, departure.has_left()))
    }
}

/// A `ClientRequestToken`: at most 36 characters, which a UUID fills exactly.
fn new_token() -> String {
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
    let default_balance = options.default_balance.as_decimal();
    let amount = transaction.amount.as_decimal();
    let update = Update::builder()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(transaction.user_id.as_str().to_owned()))
        .expression_attribute_values(":default", number(default_balance))
        .expression_attribute_values(":amount", number(amount))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match transaction.transaction_type {
        // The condition keeps a corrupt balance from failing as an unspecific validation error.
        TransactionType::Credit => update
            .update_expression("SET balance = if_not_exists(balance, :default) + :amount")
            .condition_expression(
                "attribute_not_exists(balance) OR attribute_type(balance, :number)",
            )
            .expression_attribute_values(":number", AttributeValue::S("N".to_owned())),
        // A balance that is not a number compares as false.
        TransactionType::Debit => update
            .update_expression("SET balance = if_not_exists(balance, :default) - :amount")
            .condition_expression(if default_balance >= amount {
                "attribute_not_exists(balance) OR balance >= :amount"
            } else {
                "balance >= :amount"
            }),
    }
    .build()
    .expect("table, key and expression are set")
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
fn read_reasons(reasons: &[CancellationReason]) -> Result<WriteAnswer, Fault> {
    let [record, balance] = reasons else {
        return Err(fault::unexpected_cancellation(reasons));
    };
    if is_condition_failure(record) {
        return Ok(WriteAnswer::KeyTaken(existing_record(record.item())));
    }
    // A record in conflict may turn out to be a duplicate, which is told before an insufficient
    // balance: only with the record in the clear does the balance's refusal count.
    if is_condition_failure(balance) && is_in_the_clear(record) {
        return Ok(WriteAnswer::BalanceRefused(stored_balance(balance.item())));
    }
    Err(fault::unexpected_cancellation(reasons))
}

fn is_condition_failure(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn is_in_the_clear(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
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
