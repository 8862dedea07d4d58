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

use crate::core::balance_change::{BalanceChange, Net};
use crate::core::epoch::Epoch;
use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::stored_balance;
use crate::dynamodb::unseen::{self, Subject};
use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::options::Options;
use crate::store::SendGate;
use crate::store::{
    EpochAnswer, ExistingRecord, Fault, Record, RecordState, Refusal, RefusedBalance, WriteAnswer,
};
use crate::transaction::UserId;

/// Transactions ready to be sent, again and again if need be.
#[derive(Debug)]
pub struct WriteRequest {
    epoch: Epoch,
    records: Vec<Arc<Record>>,
    /// Composed once for each token: a repetition with the same token must have the same bytes.
    composed: Option<HttpRequest>,
}

impl WriteRequest {
    pub fn new(epoch: Epoch, records: &[Arc<Record>]) -> Self {
        Self { epoch, records: records.to_vec(), composed: None }
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
                // Only what is an answer is worth a look.
                read_reasons(&reasons)?;
                let subjects = self.subjects(options);
                let reasons =
                    Box::pin(unseen::look(reasons, &subjects, connection, gate, options)).await?;
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

    /// What its conditions are about.
    fn subjects(&self, options: &Options) -> Vec<Subject<'_>> {
        let records = self.records.iter().map(|record| &record.transaction);
        let floor = BalanceChange::of(records.clone()).floor();
        let user_id = records.clone().next().map_or("", |transaction| transaction.user_id.as_str());
        // Absent, it would have been refused only where the default does not suffice.
        let default = options.default_balance.as_decimal();
        let must_exist = floor.is_none_or(|floor| *default >= floor);
        records
            .map(|transaction| Subject::Record(transaction.idempotent_key.as_str()))
            .chain([Subject::Balance { user_id, must_exist }])
            .collect()
    }

    /// The records first, in order, and then the balance.
    fn actions(&self, options: &Options) -> Vec<TransactWriteItem> {
        let puts = self
            .records
            .iter()
            .map(|record| TransactWriteItem::builder().put(put_record(record, options)).build());
        let update = update_balance(self.epoch, &self.records, options);
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
    let Some(reasons) = send(request, connection, gate, options).await? else {
        return Err(Fault::Rejected(out_of_range));
    };
    let subject = Subject::Record(record.transaction.idempotent_key.as_str());
    let reasons = Box::pin(unseen::look(reasons, &[subject], connection, gate, options)).await?;
    match reasons.as_slice() {
        [record] if is_condition_failure(record) => Ok(WriteAnswer::Refused(Refusal {
            records: vec![RecordState::Taken(existing_record(record.item()))],
            balance: None,
        })),
        reasons => Err(fault::unexpected_cancellation(reasons)),
    }
}

/// The condition that a record is not there, telling what is.
fn absent_record(record: &Record, options: &Options) -> TransactWriteItem {
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
fn compose(actions: Vec<TransactWriteItem>, connection: &Connection) -> Result<HttpRequest, Fault> {
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
async fn send(
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
        gate.answered();
        return Ok(Some(reasons.to_vec()));
    }
    if fault::is_table_missing(&error) {
        gate.answered();
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

/// Moves the balance, unless a later epoch has begun on it, and leaves its own epoch there.
fn update_balance(epoch: Epoch, records: &[Arc<Record>], options: &Options) -> Update {
    let movement = BalanceChange::of(records.iter().map(|record| &record.transaction));
    let (sign, amount) = match movement.net() {
        Net::Credit(amount) => ('+', amount),
        Net::Debit(amount) => ('-', amount),
    };
    let user_id = records.first().map_or("", |record| record.transaction.user_id.as_str());
    let update = epoch_update(user_id, epoch, options)
        .update_expression(format!(
            "SET balance = if_not_exists(balance, :default) {sign} :amount, epoch = :epoch \
             REMOVE fencedCalls"
        ))
        .expression_attribute_values(":default", number(options.default_balance.as_decimal()))
        .expression_attribute_values(":amount", number(&amount))
        .expression_attribute_values(":epoch", AttributeValue::N(epoch.to_string()));
    match movement.floor() {
        // A balance that is not a number compares as false.
        Some(floor) => {
            let is_covered = if *options.default_balance.as_decimal() >= floor {
                "attribute_not_exists(balance) OR balance >= :floor"
            } else {
                "balance >= :floor"
            };
            update
                .condition_expression(format!("({is_covered}) AND {NO_LATER_EPOCH}"))
                .expression_attribute_values(":floor", number(&floor))
        }
        // Without it a corrupt balance would fail as an unspecific validation error.
        None => update
            .condition_expression(format!(
                "(attribute_not_exists(balance) OR attribute_type(balance, :number)) AND \
                 {NO_LATER_EPOCH}"
            ))
            .expression_attribute_values(":number", AttributeValue::S("N".to_owned())),
    }
    .build()
    .expect("table, key and expression are set")
}

/// Holds as well where there is no epoch, or something else in its place.
const NO_LATER_EPOCH: &str = "NOT (epoch BETWEEN :next AND :latest)";

/// What every action on a user's balance has in common.
fn epoch_update(user_id: &str, epoch: Epoch, options: &Options) -> UpdateBuilder {
    let instant = |epoch: Epoch| AttributeValue::N(epoch.to_string());
    Update::builder()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(user_id.to_owned()))
        .expression_attribute_values(":next", instant(epoch.next()))
        .expression_attribute_values(":latest", instant(epoch.latest()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// One attempt to make sure that no request of an epoch takes effect on a user's balance any more,
/// provided that a record is not there.
pub async fn end_epoch(
    user_id: &UserId,
    epoch: Epoch,
    absent: Option<&Record>,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<EpochAnswer, Fault> {
    let check = absent.map(|record| absent_record(record, options));
    let update = epoch_update(user_id.as_str(), epoch, options)
        .update_expression("SET epoch = :next")
        .condition_expression(NO_LATER_EPOCH)
        .build()
        .expect("table, key and expression are set");
    let update = TransactWriteItem::builder().update(update).build();
    let request = compose(check.into_iter().chain([update]).collect(), connection)?;
    match send(request, connection, gate, options).await? {
        None => Ok(EpochAnswer::Ended),
        Some(reasons) => {
            let subject = absent.map(|it| Subject::Record(it.transaction.idempotent_key.as_str()));
            let subjects: Vec<Subject<'_>> = subject.into_iter().collect();
            let reasons =
                Box::pin(unseen::look(reasons, &subjects, connection, gate, options)).await?;
            read_epoch_reasons(&reasons)
        }
    }
}

/// The reasons come by position: the record's first, if it was asked for, then the balance's.
fn read_epoch_reasons(reasons: &[CancellationReason]) -> Result<EpochAnswer, Fault> {
    match reasons {
        [record, _] if is_condition_failure(record) => {
            Ok(EpochAnswer::KeyTaken(existing_record(record.item())))
        }
        // A later one has begun already, and the record was not there.
        [record, balance] if is_in_the_clear(record) && is_condition_failure(balance) => {
            Ok(EpochAnswer::Ended)
        }
        [balance] if is_condition_failure(balance) => Ok(EpochAnswer::Ended),
        reasons => Err(fault::unexpected_cancellation(reasons)),
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
        epoch: epoch(balance.item()),
    });
    let refusal = Refusal { records, balance };
    if refusal.is_definite() {
        Ok(WriteAnswer::Refused(refusal))
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

fn is_condition_failure(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn is_in_the_clear(reason: &CancellationReason) -> bool {
    matches!(reason.code(), None | Some("None"))
}

/// The epoch that a balance has seen; `None` as well for what is no epoch.
fn epoch(item: Option<&HashMap<String, AttributeValue>>) -> Option<Epoch> {
    item.and_then(|attributes| Epoch::parse(attributes.get("epoch")?.as_n().ok()?))
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
