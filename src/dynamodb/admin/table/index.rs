//! The indexes of the table of transactions, for those who ask for them.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::operation::update_table::{UpdateTable, UpdateTableInput};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement,
    KeyType, Projection, ProjectionType, ProvisionedThroughput, ScalarAttributeType,
    TableDescription,
};
use tokio::time::{Instant, sleep};

use super::{Table, describe, describe_key, explain, key, place};
use crate::core::history::Index;
use crate::dynamodb::admin::retrying;
use crate::dynamodb::client::Connection;
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;

/// DynamoDB takes minutes for a small table and hours for a large one. Calling again goes on
/// waiting.
const MAX_BUILDING: Duration = Duration::from_hours(1);
/// Pauses between looks grow by the first one, up to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// How often the index is asked for in a row, where DynamoDB is busy. The next look asks again.
const ATTEMPTS: u32 = 10;

const USER: &str = "userId";

/// The index as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    pub index: Index,
    /// DynamoDB's word, or `ABSENT`.
    pub status: String,
    /// The records that were there before are still being added to it.
    pub is_backfilling: bool,
    /// Why the history cannot be read from it, and what to do.
    pub trouble: Option<BalanceError>,
}

impl IndexState {
    pub(super) fn of(
        which: Index,
        connection: &Connection,
        table: &Table<'_>,
        description: &TableDescription,
    ) -> Self {
        let Some(index) = find(which, description) else {
            return Self {
                index: which,
                status: "ABSENT".to_owned(),
                is_backfilling: false,
                trouble: Some(absent(which, table.name, connection)),
            };
        };
        let status = index.index_status().map_or("UNKNOWN", IndexStatus::as_str);
        let trouble = check(which, connection, table, description).err().or_else(|| {
            (!serves(index))
                .then(|| not_ready(which, table.name, connection, &format!("is {status}")))
        });
        Self {
            index: which,
            status: status.to_owned(),
            is_backfilling: index.backfilling().unwrap_or_default(),
            trouble,
        }
    }
}

/// What a listing is told whose table has no such index.
pub fn absent(index: Index, table: &str, connection: &Connection) -> BalanceError {
    let (name, option) = (index.name(), index.option());
    let what = match index {
        Index::UserHistory => "the history is read",
        Index::OpenHolds => "open holds are read",
    };
    BalanceError::new(
        ErrorCode::IndexNotFound,
        format!(
            "Index not found: table {table:?} in {} has no index {name:?}, from which {what}. \
             Nothing happened. Add it with createTables({{ {option}: true }}) of a BalanceClient, or \
             with: dynamodb-balance tables create --{option}",
            place(connection)
        ),
    )
}

/// What a listing is told whose index is still being built. `state` completes "the index …".
pub fn not_ready(index: Index, table: &str, connection: &Connection, state: &str) -> BalanceError {
    let (name, option) = (index.name(), index.option());
    BalanceError::new(
        ErrorCode::IndexNotFound,
        format!(
            "Index not ready: the index {name:?} of table {table:?} in {} {state}. Nothing \
             happened. createTables({{ {option}: true }}) of a BalanceClient waits until it can be \
             used, and so does: dynamodb-balance tables create --{option}",
            place(connection)
        ),
    )
}

/// Whether an index of that name, if there is one, is what this package reads from.
pub(super) fn check(
    which: Index,
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
) -> Result<(), BalanceError> {
    let Some(index) = find(which, description) else { return Ok(()) };
    let keys: Vec<String> = index.key_schema().iter().map(describe_key(description)).collect();
    let expected = [format!("{USER} (HASH, S)"), format!("{} (RANGE, S)", which.sort_key())];
    let projection = index.projection().and_then(Projection::projection_type);
    if keys == expected && projection == Some(&ProjectionType::All) {
        return Ok(());
    }
    Err(BalanceError::new(
        ErrorCode::TableMismatch,
        format!(
            "Table mismatch: the index {:?} of table {:?} in {} exists with the key {} and \
             the projection {}, but this package needs {} and ALL. Nothing was changed; delete that \
             index if nobody uses it.",
            which.name(),
            table.name,
            place(connection),
            keys.join(" and "),
            projection.map_or("?", ProjectionType::as_str),
            expected.join(" and ")
        ),
    ))
}

/// Adds indexes to a table that is to be made.
pub(super) fn define(
    mut table: CreateTableInputBuilder,
    indexes: impl Iterator<Item = Index>,
) -> CreateTableInputBuilder {
    let mut is_user_defined = false;
    for which in indexes {
        let index = GlobalSecondaryIndex::builder()
            .index_name(which.name())
            .set_key_schema(Some(key_schema(which)))
            .projection(everything())
            .build()
            .expect("name, keys and projection are set");
        let [user, sort] = attributes(which);
        // An attribute is defined once, however many indexes it is a key of.
        if !std::mem::replace(&mut is_user_defined, true) {
            table = table.attribute_definitions(user);
        }
        table = table.attribute_definitions(sort).global_secondary_indexes(index);
    }
    table
}

/// Adds the index to a table that is there, unless it has it, and returns when it can be used.
pub(super) async fn ensure(
    which: Index,
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
    report: &impl Fn(&IndexState),
) -> Result<(), BalanceError> {
    let deadline = Instant::now() + MAX_BUILDING;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(description) = describe(connection, table, options).await? {
            check(which, connection, table, &description)?;
            match find(which, &description) {
                None => add(which, connection, table, &description, options).await?,
                Some(index) if serves(index) => return Ok(()),
                Some(_) => report(&IndexState::of(which, connection, table, &description)),
            }
        }
        if Instant::now() + pause >= deadline {
            return Err(too_slow(which, connection, table));
        }
        sleep(pause).await;
        pause = (pause + FIRST_PAUSE).min(LAST_PAUSE);
    }
}

fn find(which: Index, description: &TableDescription) -> Option<&GlobalSecondaryIndexDescription> {
    let indexes = description.global_secondary_indexes();
    indexes.iter().find(|index| index.index_name() == Some(which.name()))
}

/// An index that is being updated serves requests as well.
fn serves(index: &GlobalSecondaryIndexDescription) -> bool {
    matches!(index.index_status(), Some(IndexStatus::Active | IndexStatus::Updating))
}

async fn add(
    which: Index,
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
    options: &Options,
) -> Result<(), BalanceError> {
    let action = CreateGlobalSecondaryIndexAction::builder()
        .index_name(which.name())
        .set_key_schema(Some(key_schema(which)))
        .projection(everything())
        .set_provisioned_throughput(provisioned(description))
        .build()
        .expect("name, keys and projection are set");
    let input = UpdateTableInput::builder()
        .table_name(table.name)
        .set_attribute_definitions(Some(attributes(which).into()))
        .global_secondary_index_updates(
            GlobalSecondaryIndexUpdate::builder().create(action).build(),
        )
        .build()
        .expect("the name is set");
    match retrying::send::<UpdateTable>(input, ATTEMPTS, connection, options).await {
        Ok(_) => Ok(()),
        // Somebody else changes the table, maybe for the same purpose; the next look tells.
        Err(failure) if failure.is_resource_in_use() => Ok(()),
        Err(failure) => Err(explain(failure, "add the index to", table)),
    }
}

/// On a table with provisioned capacity an index needs its own: every record is written to it too.
fn provisioned(description: &TableDescription) -> Option<ProvisionedThroughput> {
    let table = description.provisioned_throughput()?;
    let (reads, writes) = (table.read_capacity_units()?, table.write_capacity_units()?);
    let throughput = ProvisionedThroughput::builder()
        .read_capacity_units(reads)
        .write_capacity_units(writes)
        .build()
        .expect("both are set");
    (writes > 0).then_some(throughput)
}

fn key_schema(index: Index) -> Vec<KeySchemaElement> {
    vec![key(USER, KeyType::Hash), key(index.sort_key(), KeyType::Range)]
}

fn attributes(index: Index) -> [AttributeDefinition; 2] {
    [
        super::attribute(USER, ScalarAttributeType::S),
        super::attribute(index.sort_key(), ScalarAttributeType::S),
    ]
}

fn everything() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

fn too_slow(index: Index, connection: &Connection, table: &Table<'_>) -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        format!(
            "The index {:?} of table {:?} in {} was not active within {} minutes; DynamoDB goes on \
             building it. Call createTables({{ {}: true }}) again to go on waiting.",
            index.name(),
            table.name,
            place(connection),
            MAX_BUILDING.as_secs() / 60,
            index.option()
        ),
    )
}
