//! Reading: one `GetItem`, or one `BatchGetItem` for several items of both tables.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_json::serialize::JsonObjectWriter;

use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::history::item;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::dynamodb::{fault, request, stored_number};
use crate::options::Options;
use crate::store::{Account, Fault, Item, ItemKey, SendGate};

type Attributes = HashMap<String, AttributeValue>;

/// What a balance is read for.
const ACCOUNT_ATTRIBUTES: &str = "userId, balance, held";

/// The name of an item's key attribute, and the key: what tells items of both tables apart.
pub(super) type Name<'a> = (&'static str, &'a str);

const USER: &str = "userId";
const RECORD: &str = "idempotentKey";

fn name_of(item: &ItemKey) -> Name<'_> {
    match item {
        ItemKey::Account(user_id) => (USER, user_id.as_str()),
        ItemKey::Record(key) => (RECORD, key.as_str()),
    }
}

/// How the items of one table are read.
struct Manner<'a> {
    table: &'a str,
    attributes: Option<&'static str>,
    is_consistent: bool,
}

impl<'a> Manner<'a> {
    fn of(item: &ItemKey, options: &'a Options) -> Self {
        match item {
            ItemKey::Account(_) => Self {
                table: &options.balances_table,
                attributes: Some(ACCOUNT_ATTRIBUTES),
                is_consistent: options.consistent_read,
            },
            ItemKey::Record(_) => {
                Self { table: &options.transactions_table, attributes: None, is_consistent: true }
            }
        }
    }

    fn write(&self, object: &mut JsonObjectWriter<'_>) {
        object.key("ConsistentRead").boolean(self.is_consistent);
        if let Some(attributes) = self.attributes {
            object.key("ProjectionExpression").string(attributes);
        }
    }
}

pub async fn one(
    item: &ItemKey,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    let mut body = String::with_capacity(256);
    let mut object = JsonObjectWriter::new(&mut body);
    let (manner, (attribute, key)) = (Manner::of(item, options), name_of(item));
    object.key("TableName").string(manner.table);
    request::key(object.key("Key"), attribute, key);
    manner.write(&mut object);
    object.finish();
    let output = send(&connection.get_item, body, connection, gate, options).await?;
    Ok(HashMap::from([(item.clone(), meaning(item, output.item()))]))
}

/// At most 100 different items. Those that DynamoDB had no time for are missing in the answer.
pub async fn several(
    items: &[ItemKey],
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    let (accounts, records): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| matches!(item, ItemKey::Account(_)));
    let tables = [accounts, records].into_iter().filter_map(|of_table| {
        let manner = Manner::of(of_table.first()?, options);
        Some((manner, of_table.into_iter().map(name_of).collect()))
    });
    let body = batch(tables);
    let output = send(&connection.batch_get_item, body, connection, gate, options).await?;
    read_answer(items, &output)
}

/// Items of several tables, each with all of its attributes and as it is now.
pub(super) async fn whole_items(
    tables: &HashMap<String, Vec<Name<'_>>>,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<BatchGetItemOutput, Fault> {
    let body = batch(tables.iter().map(|(table, names)| {
        (Manner { table, attributes: None, is_consistent: true }, names.clone())
    }));
    send(&connection.batch_get_item, body, connection, gate, options).await
}

fn batch<'a>(tables: impl Iterator<Item = (Manner<'a>, Vec<Name<'a>>)>) -> String {
    let mut body = String::with_capacity(2_048);
    let mut object = JsonObjectWriter::new(&mut body);
    let mut requests = object.key("RequestItems").start_object();
    for (manner, names) in tables {
        let mut table = requests.key(manner.table).start_object();
        let mut keys = table.key("Keys").start_array();
        for (attribute, key) in names {
            request::key(keys.value(), attribute, key);
        }
        keys.finish();
        manner.write(&mut table);
        table.finish();
    }
    requests.finish();
    object.finish();
    body
}

fn read_answer(
    items: &[ItemKey],
    output: &BatchGetItemOutput,
) -> Result<HashMap<ItemKey, Item>, Fault> {
    // Without it nothing is known, least of all that the items are absent.
    let responses = output.responses().ok_or_else(|| fault::unreadable("it has no Responses"))?;
    let mut found: HashMap<Name<'_>, &Attributes> = HashMap::new();
    for attributes in responses.values().flatten() {
        found.insert(name_in(attributes)?, attributes);
    }
    let unprocessed = output.unprocessed_keys().into_iter().flat_map(HashMap::values);
    let left_out: Vec<Name<'_>> =
        unprocessed.flat_map(KeysAndAttributes::keys).map(name_in).collect::<Result<_, Fault>>()?;
    let meanings = items.iter().filter_map(|item| {
        let name = name_of(item);
        let attributes = found.get(&name).copied();
        let is_left_out = attributes.is_none() && left_out.contains(&name);
        (!is_left_out).then(|| (item.clone(), meaning(item, attributes)))
    });
    Ok(meanings.collect())
}

/// Which item attributes belong to. A record has the user's name as well, so that its own comes
/// first.
fn name_in(attributes: &Attributes) -> Result<Name<'_>, Fault> {
    let own = [RECORD, USER].into_iter().find_map(|attribute| {
        let key = attributes.get(attribute)?.as_s().ok()?;
        Some((attribute, key.as_str()))
    });
    // Whoever it belongs to would seem to have none.
    own.ok_or_else(|| fault::unreadable("an item has no key"))
}

fn meaning(item: &ItemKey, attributes: Option<&Attributes>) -> Item {
    match item {
        ItemKey::Account(_) => Item::Account(Account {
            balance: stored_number(attributes, "balance"),
            held: stored_number(attributes, "held"),
            exists: attributes.is_some(),
        }),
        ItemKey::Record(_) => Item::Record(attributes.map(|it| Box::new(item::read(it)))),
    }
}

async fn send<O: Operation>(
    protocol: &Protocol<O>,
    body: String,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<O::Output, Fault> {
    match connection.wire.send(protocol, body, gate).await {
        Ok(output) => Ok(output),
        Err(error) if fault::is_table_missing(&error) => {
            Err(table::missing(connection, options).await)
        }
        Err(error) => Err(fault::classify(&error, gate.has_passed())),
    }
}

#[cfg(test)]
mod tests;
