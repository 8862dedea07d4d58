//! Reading balances: one `GetItem`, or one `BatchGetItem` for several users.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::stored_balance;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::money::StoredBalance;
use crate::options::Options;
use crate::store::Fault;
use crate::store::SendGate;
use crate::transaction::UserId;

pub async fn one(
    user_id: &UserId,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<UserId, StoredBalance>, Fault> {
    let input = GetItemInput::builder()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(user_id.as_str().to_owned()))
        .projection_expression("balance")
        .consistent_read(options.consistent_read)
        .build()
        .expect("table and key are set");
    let output = send(&connection.get_item, input, connection, gate, options).await?;
    Ok(HashMap::from([(user_id.clone(), stored_balance(output.item()))]))
}

/// At most 100 different users. Those whom DynamoDB had no time for are missing in the answer.
pub async fn several(
    users: &[UserId],
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<UserId, StoredBalance>, Fault> {
    let key = |user_id: &UserId| {
        HashMap::from([("userId".to_owned(), AttributeValue::S(user_id.as_str().to_owned()))])
    };
    let keys = KeysAndAttributes::builder()
        .set_keys(Some(users.iter().map(key).collect()))
        .projection_expression("userId, balance")
        .consistent_read(options.consistent_read)
        .build()
        .expect("keys are set");
    let input = BatchGetItemInput::builder()
        .request_items(&options.balances_table, keys)
        .build()
        .expect("all fields are optional");
    let output = send(&connection.batch_get_item, input, connection, gate, options).await?;
    // Without it nothing is known, least of all that the balances are absent.
    let responses = output.responses().ok_or_else(|| fault::unreadable("it has no Responses"))?;
    let items = responses.values().flatten();
    let found: HashMap<&str, _> = items
        .map(|item| Ok((user_of(item)?, stored_balance(Some(item)))))
        .collect::<Result<_, Fault>>()?;
    let unprocessed = output.unprocessed_keys().into_iter().flat_map(HashMap::values);
    let left_out: Vec<&str> =
        unprocessed.flat_map(KeysAndAttributes::keys).map(user_of).collect::<Result<_, Fault>>()?;
    let balance_of = |user_id: &UserId| match found.get(user_id.as_str()) {
        Some(balance) => Some(balance.clone()),
        None if left_out.contains(&user_id.as_str()) => None,
        None => Some(StoredBalance::Absent),
    };
    Ok(users.iter().filter_map(|user_id| Some((user_id.clone(), balance_of(user_id)?))).collect())
}

fn user_of(attributes: &HashMap<String, AttributeValue>) -> Result<&str, Fault> {
    let user_id = attributes.get("userId").and_then(|value| value.as_s().ok());
    // Whoever it belongs to would seem to have no balance.
    user_id.map(String::as_str).ok_or_else(|| fault::unreadable("an item has no userId"))
}

pub(super) async fn send<O: Operation>(
    protocol: &Protocol<O>,
    input: O::Input,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<O::Output, Fault> {
    let request = protocol.compose(input).map_err(|error| fault::unsendable(error.as_ref()))?;
    match connection.wire.send(protocol, request, gate).await {
        Ok(output) => Ok(output),
        Err(error) if fault::is_table_missing(&error) => {
            Err(table::missing(connection, options).await)
        }
        Err(error) => Err(fault::classify(&error, gate.has_passed())),
    }
}

#[cfg(test)]
mod tests;
