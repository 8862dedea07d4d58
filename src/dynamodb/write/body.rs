//! A `TransactWriteItems` as it is spelt: the same content always gives the same bytes, because a
//! repetition with the same token has to be the same request.
//! Source: Amazon DynamoDB API Reference, TransactWriteItems.

use aws_smithy_json::serialize::{JsonArrayWriter, JsonObjectWriter, JsonValueWriter};

use crate::core::epoch::Epoch;
use crate::options::Options;
use crate::store::{BalanceUpdate, EpochEnding, Record, Write};
use crate::transaction::Metadata;

/// Holds as well where there is no epoch, or something else in its place.
const NO_LATER_EPOCH: &str = "NOT (epoch BETWEEN :next AND :latest)";

/// The records first, in order, and then the balances.
pub fn of_write(write: &Write, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        for record in &write.records {
            put_record(actions, record, options);
        }
        for update in &write.balances {
            update_balance(actions, update, options);
        }
    })
}

/// That the record is absent, if there is one, and then the balance.
pub fn of_epoch_ending(ending: &EpochEnding, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        if let Some(record) = &ending.absent {
            check_absence(actions, record, options);
        }
        action(actions, "Update", |mut update| {
            let user_id = ending.user_id.as_str();
            balance_key(&mut update, user_id, options);
            update.key("UpdateExpression").string("SET epoch = :next");
            condition(&mut update, NO_LATER_EPOCH);
            values(&mut update, |values| epoch_bounds(values, ending.epoch));
            update
        });
    })
}

/// That none of the records is there.
pub fn of_absence(write: &Write, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        for record in &write.records {
            check_absence(actions, record, options);
        }
    })
}

fn with_actions(token: &str, write: impl FnOnce(&mut JsonArrayWriter<'_>)) -> String {
    let mut body = String::with_capacity(2_048);
    let mut object = JsonObjectWriter::new(&mut body);
    object.key("ClientRequestToken").string(token);
    let mut actions = object.key("TransactItems").start_array();
    write(&mut actions);
    actions.finish();
    object.finish();
    body
}

fn action<'a>(
    actions: &'a mut JsonArrayWriter<'_>,
    kind: &str,
    write: impl FnOnce(JsonObjectWriter<'_>) -> JsonObjectWriter<'_>,
) {
    let mut action: JsonObjectWriter<'a> = actions.value().start_object();
    write(action.key(kind).start_object()).finish();
    action.finish();
}

fn put_record(actions: &mut JsonArrayWriter<'_>, record: &Record, options: &Options) {
    action(actions, "Put", |mut put| {
        put.key("TableName").string(&options.transactions_table);
        let mut item = put.key("Item").start_object();
        let transaction = &record.transaction;
        text(item.key("idempotentKey"), transaction.idempotent_key.as_str());
        text(item.key("userId"), transaction.user_id.as_str());
        number(item.key("amount"), &transaction.amount.as_decimal().to_string());
        text(item.key("type"), transaction.transaction_type.as_str());
        text(item.key("timestamp"), &record.timestamp);
        text(item.key("callId"), &record.call_id.to_string());
        if let Some(metadata) = &transaction.metadata {
            map(item.key("metadata"), metadata);
        }
        if let Some(place) = record.place {
            number(item.key("groupIndex"), &place.index.to_string());
            number(item.key("groupSize"), &place.size.to_string());
        }
        item.finish();
        condition(&mut put, "attribute_not_exists(idempotentKey)");
        put
    });
}

fn check_absence(actions: &mut JsonArrayWriter<'_>, record: &Record, options: &Options) {
    action(actions, "ConditionCheck", |mut check| {
        check.key("TableName").string(&options.transactions_table);
        let mut key = check.key("Key").start_object();
        text(key.key("idempotentKey"), record.transaction.idempotent_key.as_str());
        key.finish();
        condition(&mut check, "attribute_not_exists(idempotentKey)");
        check
    });
}

/// Moves a balance, unless a later epoch has begun on it, and leaves its own epoch there.
fn update_balance(actions: &mut JsonArrayWriter<'_>, balance: &BalanceUpdate, options: &Options) {
    let sum = balance.change.sum();
    let (sign, amount) = if sum.is_negative() { ('-', sum.negated()) } else { ('+', sum.clone()) };
    let floor = balance.change.floor();
    let default_balance = options.default_balance.as_decimal();
    let is_allowed = match floor {
        // A balance that is not a number compares as false.
        Some(floor) if default_balance >= floor => {
            "attribute_not_exists(balance) OR balance >= :floor"
        }
        Some(_) => "balance >= :floor",
        // Without it a corrupt balance would fail as an unspecific validation error.
        None => "attribute_not_exists(balance) OR attribute_type(balance, :number)",
    };
    action(actions, "Update", |mut update| {
        balance_key(&mut update, balance.user_id.as_str(), options);
        update.key("UpdateExpression").string(&format!(
            "SET balance = if_not_exists(balance, :default) {sign} :amount, epoch = :epoch \
             REMOVE fencedCalls"
        ));
        condition(&mut update, &format!("({is_allowed}) AND {NO_LATER_EPOCH}"));
        values(&mut update, |values| {
            number(values.key(":default"), &default_balance.to_string());
            number(values.key(":amount"), &amount.to_string());
            number(values.key(":epoch"), &balance.epoch.to_string());
            epoch_bounds(values, balance.epoch);
            match floor {
                Some(floor) => number(values.key(":floor"), &floor.to_string()),
                None => text(values.key(":number"), "N"),
            }
        });
        update
    });
}

fn balance_key(update: &mut JsonObjectWriter<'_>, user_id: &str, options: &Options) {
    update.key("TableName").string(&options.balances_table);
    let mut key = update.key("Key").start_object();
    text(key.key("userId"), user_id);
    key.finish();
}

/// A condition that tells what was there if it does not hold.
fn condition(action: &mut JsonObjectWriter<'_>, condition: &str) {
    action.key("ConditionExpression").string(condition);
    action.key("ReturnValuesOnConditionCheckFailure").string("ALL_OLD");
}

fn values(action: &mut JsonObjectWriter<'_>, write: impl FnOnce(&mut JsonObjectWriter<'_>)) {
    let mut values = action.key("ExpressionAttributeValues").start_object();
    write(&mut values);
    values.finish();
}

fn epoch_bounds(values: &mut JsonObjectWriter<'_>, epoch: Epoch) {
    number(values.key(":next"), &epoch.next().to_string());
    number(values.key(":latest"), &epoch.latest().to_string());
}

fn text(value: JsonValueWriter<'_>, text: &str) {
    attribute(value, "S", text);
}

fn number(value: JsonValueWriter<'_>, number: &str) {
    attribute(value, "N", number);
}

fn attribute(value: JsonValueWriter<'_>, kind: &str, content: &str) {
    let mut attribute = value.start_object();
    attribute.key(kind).string(content);
    attribute.finish();
}

fn map(value: JsonValueWriter<'_>, metadata: &Metadata) {
    let mut attribute = value.start_object();
    let mut map = attribute.key("M").start_object();
    for (name, value) in metadata.entries() {
        text(map.key(name), value);
    }
    map.finish();
    attribute.finish();
}

#[cfg(test)]
mod tests;
