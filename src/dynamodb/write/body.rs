//! A `TransactWriteItems` as it is spelt: the same content always gives the same bytes, because a
//! repetition with the same token has to be the same request.
//! Source: Amazon DynamoDB API Reference, TransactWriteItems.

use aws_smithy_json::serialize::{JsonArrayWriter, JsonObjectWriter, JsonValueWriter};

use crate::core::epoch::Epoch;
use crate::dynamodb::request::{self, number, text};
use crate::options::Options;
use crate::store::{
    BalanceUpdate, Closing, Entry, EpochEnding, HoldState, HoldStatus, Record, Role, Write,
};
use crate::transaction::{IdempotentKey, Metadata};

/// Holds as well where there is no epoch, or something else in its place.
const NO_LATER_EPOCH: &str = "NOT (epoch BETWEEN :next AND :latest)";

/// Nothing is recorded under the key.
const IS_FREE: &str = "attribute_not_exists(idempotentKey)";

/// The record is that of a hold that is open.
const IS_OPEN: &str = "holdState = :open";

/// The entries first, in order, and then the balances.
pub fn of_write(write: &Write, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        for entry in &write.entries {
            match entry {
                Entry::Record(record) => put_record(actions, record, options),
                Entry::Closing(closing) => close_hold(actions, closing, options),
                Entry::FreeKey(_) => check(actions, entry, options),
            }
        }
        for update in &write.balances {
            update_balance(actions, update, options);
        }
    })
}

/// That an entry was not carried out, if there is one, and then the balance.
pub fn of_epoch_ending(ending: &EpochEnding, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        if let Some(entry) = &ending.undone {
            check(actions, entry, options);
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

/// That none of the entries was carried out.
pub fn of_absence(write: &Write, token: &str, options: &Options) -> String {
    with_actions(token, |actions| {
        for entry in &write.entries {
            check(actions, entry, options);
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
        match &record.role {
            Role::Transaction => {}
            Role::Hold { expires_at } => hold(&mut item, &HoldStatus::open(expires_at.clone())),
            Role::Return { hold } => text(item.key("hold"), hold.as_str()),
        }
        item.finish();
        condition(&mut put, IS_FREE);
        put
    });
}

fn hold(item: &mut JsonObjectWriter<'_>, hold: &HoldStatus) {
    text(item.key("holdState"), hold.state.as_str());
    if let Some(expires_at) = &hold.expires_at {
        text(item.key("expiresAt"), expires_at);
    }
    text(item.key("openUntil"), hold.open_until());
}

/// Moves a hold on, if it still is what was read.
fn close_hold(actions: &mut JsonArrayWriter<'_>, closing: &Closing, options: &Options) {
    let (capture, in_time) = match closing.captured {
        Some(_) => (
            "capturedAmount = :captured, ",
            " AND (attribute_not_exists(expiresAt) OR expiresAt > :now)",
        ),
        None => ("", ""),
    };
    action(actions, "Update", |mut update| {
        record_key(&mut update, &closing.hold, options);
        update.key("UpdateExpression").string(&format!(
            "SET holdState = :state, {capture}closedBy = :key, closingCallId = :call \
             REMOVE openUntil"
        ));
        condition(
            &mut update,
            &format!("{IS_OPEN} AND userId = :user AND amount = :amount{in_time}"),
        );
        values(&mut update, |values| {
            text(values.key(":open"), HoldState::Open.as_str());
            text(values.key(":state"), closing.state().as_str());
            text(values.key(":key"), closing.idempotent_key.as_str());
            text(values.key(":call"), &closing.call_id.to_string());
            text(values.key(":user"), closing.user_id.as_str());
            number(values.key(":amount"), &closing.amount.as_decimal().to_string());
            if let Some(captured) = &closing.captured {
                number(values.key(":captured"), &captured.as_decimal().to_string());
                text(values.key(":now"), &closing.now);
            }
        });
        update
    });
}

/// That an entry was not carried out: its key is free, or its hold is open.
fn check(actions: &mut JsonArrayWriter<'_>, entry: &Entry, options: &Options) {
    action(actions, "ConditionCheck", |mut check| {
        record_key(&mut check, entry.key(), options);
        match entry {
            Entry::Record(_) | Entry::FreeKey(_) => condition(&mut check, IS_FREE),
            Entry::Closing(_) => {
                condition(&mut check, &format!("{IS_FREE} OR {IS_OPEN}"));
                values(&mut check, |values| text(values.key(":open"), HoldState::Open.as_str()));
            }
        }
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
        let held = balance.change.held();
        let (and_held, is_held_usable) = match held {
            Some(_) => (
                ", held = if_not_exists(held, :zero) + :held",
                " AND (attribute_not_exists(held) OR attribute_type(held, :number))",
            ),
            None => ("", ""),
        };
        update.key("UpdateExpression").string(&format!(
            "SET balance = if_not_exists(balance, :default) {sign} :amount, epoch = :epoch{and_held} \
             REMOVE fencedCalls"
        ));
        condition(&mut update, &format!("({is_allowed}) AND {NO_LATER_EPOCH}{is_held_usable}"));
        values(&mut update, |values| {
            number(values.key(":default"), &default_balance.to_string());
            number(values.key(":amount"), &amount.to_string());
            number(values.key(":epoch"), &balance.epoch.to_string());
            epoch_bounds(values, balance.epoch);
            if let Some(floor) = floor {
                number(values.key(":floor"), &floor.to_string());
            }
            if let Some(held) = held {
                number(values.key(":held"), &held.to_string());
                number(values.key(":zero"), "0");
            }
            if floor.is_none() || held.is_some() {
                text(values.key(":number"), "N");
            }
        });
        update
    });
}

fn record_key(action: &mut JsonObjectWriter<'_>, key: &IdempotentKey, options: &Options) {
    action.key("TableName").string(&options.transactions_table);
    request::key(action.key("Key"), "idempotentKey", key.as_str());
}

fn balance_key(update: &mut JsonObjectWriter<'_>, user_id: &str, options: &Options) {
    update.key("TableName").string(&options.balances_table);
    request::key(update.key("Key"), "userId", user_id);
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
