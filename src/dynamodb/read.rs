//! Reading: one `GetItem`, or one `BatchGetItem` for several items of both tables.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::history::item;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::dynamodb::{fault, stored_balance};
use crate::options::Options;
use crate::store::{Account, Fault, Item, ItemKey, SendGate};

type Attributes = HashMap<String, AttributeValue>;

/// What a balance is read for.
const ACCOUNT_ATTRIBUTES: &str = "userId, balance";

/// Where an item is and how it is read.
struct Place<'a> {
    table: &'a str,
    attribute: &'static str,
    key: &'a str,
    is_consistent: bool,
}

impl<'a> Place<'a> {
    fn of(item: &'a ItemKey, options: &'a Options) -> Self {
        match item {
            ItemKey::Account(user_id) => Self {
                table: &options.balances_table,
                attribute: "userId",
                key: user_id.as_str(),
                is_consistent: options.consistent_read,
            },
            ItemKey::Record(key) => Self {
                table: &options.transactions_table,
                attribute: "idempotentKey",
                key: key.as_str(),
                is_consistent: true,
            },
        }
    }

    fn key(&self) -> Attributes {
        HashMap::from([(self.attribute.to_owned(), AttributeValue::S(self.key.to_owned()))])
    }
}

fn attributes_of(item: &ItemKey) -> Option<String> {
    match item {
        ItemKey::Account(_) => Some(ACCOUNT_ATTRIBUTES.to_owned()),
        ItemKey::Record(_) => None,
    }
}

pub async fn one(
    item: &ItemKey,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    let place = Place::of(item, options);
    let input = GetItemInput::builder()
        .table_name(place.table)
        .set_key(Some(place.key()))
        .set_projection_expression(attributes_of(item))
        .consistent_read(place.is_consistent)
        .build()
        .expect("table and key are set");
    let output = send(&connection.get_item, input, connection, gate, options).await?;
    Ok(HashMap::from([(item.clone(), meaning(item, output.item()))]))
}

/// At most 100 different items. Those that DynamoDB had no time for are missing in the answer.
pub async fn several(
    items: &[ItemKey],
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    let mut tables: HashMap<String, KeysAndAttributes> = HashMap::new();
    for table in [&options.balances_table, &options.transactions_table] {
        let of_table = items.iter().filter(|item| Place::of(item, options).table == table);
        if let Some(first) = of_table.clone().next() {
            let keys = of_table.map(|item| Place::of(item, options).key()).collect();
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .set_projection_expression(attributes_of(first))
                .consistent_read(Place::of(first, options).is_consistent)
                .build()
                .expect("keys are set");
            tables.insert(table.clone(), keys);
        }
    }
    let input = BatchGetItemInput::builder()
        .set_request_items(Some(tables))
        .build()
        .expect("all fields are optional");
    let output = send(&connection.batch_get_item, input, connection, gate, options).await?;
    read_answer(items, &output, options)
}

fn read_answer(
    items: &[ItemKey],
    output: &BatchGetItemOutput,
    options: &Options,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    // Without it nothing is known, least of all that the items are absent.
    let responses = output.responses().ok_or_else(|| fault::unreadable("it has no Responses"))?;
    let mut found: HashMap<String, &Attributes> = HashMap::new();
    for attributes in responses.values().flatten() {
        found.insert(name_of(attributes)?, attributes);
    }
    let unprocessed = output.unprocessed_keys().into_iter().flat_map(HashMap::values);
    let left_out: Vec<String> =
        unprocessed.flat_map(KeysAndAttributes::keys).map(name_of).collect::<Result<_, Fault>>()?;
    let meanings = items.iter().filter_map(|item| {
        let name = name(Place::of(item, options).attribute, Place::of(item, options).key);
        match found.get(&name) {
            Some(attributes) => Some((item.clone(), meaning(item, Some(attributes)))),
            None if left_out.contains(&name) => None,
            None => Some((item.clone(), meaning(item, None))),
        }
    });
    Ok(meanings.collect())
}

/// Which item attributes belong to. A record has the user's name as well, so that its own comes
/// first.
fn name_of(attributes: &Attributes) -> Result<String, Fault> {
    let own = ["idempotentKey", "userId"].into_iter().find_map(|attribute| {
        let key = attributes.get(attribute)?.as_s().ok()?;
        Some(name(attribute, key))
    });
    // Whoever it belongs to would seem to have none.
    own.ok_or_else(|| fault::unreadable("an item has no key"))
}

fn name(attribute: &str, key: &str) -> String {
    format!("{attribute} {key}")
}

fn meaning(item: &ItemKey, attributes: Option<&Attributes>) -> Item {
    match item {
        ItemKey::Account(_) => Item::Account(Account {
            balance: stored_balance(attributes),
            exists: attributes.is_some(),
        }),
        ItemKey::Record(_) => Item::Record(attributes.map(item::read)),
    }
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
