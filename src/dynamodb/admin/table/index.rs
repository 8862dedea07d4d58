//! The index that the history is read from: one on the table of transactions, for those who ask for
//! it.

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
use crate::core::history::INDEX;
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
const TIMESTAMP: &str = "timestamp";

/// The index as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// DynamoDB's word, or `ABSENT`.
    pub status: String,
    /// The records that were there before are still being added to it.
    pub is_backfilling: bool,
    /// Why the history cannot be read from it, and what to do.
    pub trouble: Option<BalanceError>,
}

impl IndexState {
    pub(super) fn of(
        connection: &Connection,
        table: &Table<'_>,
        description: &TableDescription,
    ) -> Self {
        let Some(index) = find(description) else {
            return Self {
                status: "ABSENT".to_owned(),
                is_backfilling: false,
                trouble: Some(absent(table.name, connection)),
            };
        };
        let status = index.index_status().map_or("UNKNOWN", IndexStatus::as_str);
        let trouble = check(connection, table, description).err().or_else(|| {
            (!serves(index)).then(|| not_ready(table.name, connection, &format!("is {status}")))
        });
        Self {
            status: status.to_owned(),
            is_backfilling: index.backfilling().unwrap_or_default(),
            trouble,
        }
    }
}

/// What a listing is told whose table has no such index.
pub fn absent(table: &str, connection: &Connection) -> BalanceError {
    BalanceError::new(
        ErrorCode::IndexNotFound,
        format!(
            "Index not found: table {table:?} in {} has no index {INDEX:?}, from which the history \
             is read. Nothing happened. Add it with createTables({{ history: true }}) of a \
             BalanceClient, or with: dynamodb-balance tables create --history",
            place(connection)
        ),
    )
}

/// What a listing is told whose index is still being built. `state` completes "the index …".
pub fn not_ready(table: &str, connection: &Connection, state: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::IndexNotFound,
        format!(
            "Index not ready: the index {INDEX:?} of table {table:?} in {} {state}. Nothing \
             happened. createTables({{ history: true }}) of a BalanceClient waits until it can be \
             used, and so does: dynamodb-balance tables create --history",
            place(connection)
        ),
    )
}

/// Whether an index of that name, if there is one, is what this package reads from.
pub(super) fn check(
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
) -> Result<(), BalanceError> {
    let Some(index) = find(description) else { return Ok(()) };
    let keys: Vec<String> = index.key_schema().iter().map(describe_key(description)).collect();
    let expected = [format!("{USER} (HASH, S)"), format!("{TIMESTAMP} (RANGE, S)")];
    let projection = index.projection().and_then(Projection::projection_type);
    if keys == expected && projection == Some(&ProjectionType::All) {
        return Ok(());
    }
    Err(BalanceError::new(
        ErrorCode::TableMismatch,
        format!(
            "Table mismatch: the index {INDEX:?} of table {:?} in {} exists with the key {} and \
             the projection {}, but this package needs {} and ALL. Nothing was changed; delete that \
             index if nobody uses it.",
            table.name,
            place(connection),
            keys.join(" and "),
            projection.map_or("?", ProjectionType::as_str),
            expected.join(" and ")
        ),
    ))
}

/// Adds the index to a table that is to be made.
pub(super) fn define(table: CreateTableInputBuilder) -> CreateTableInputBuilder {
    let index = GlobalSecondaryIndex::builder()
        .index_name(INDEX)
        .set_key_schema(Some(key_schema()))
        .projection(everything())
        .build()
        .expect("name, keys and projection are set");
    let [user, timestamp] = attributes();
    table
        .attribute_definitions(user)
        .attribute_definitions(timestamp)
        .global_secondary_indexes(index)
}

/// Adds the index to a table that is there, unless it has it, and returns when it can be used.
pub(super) async fn ensure(
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
    report: &impl Fn(&IndexState),
) -> Result<(), BalanceError> {
    let deadline = Instant::now() + MAX_BUILDING;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(description) = describe(connection, table, options).await? {
            check(connection, table, &description)?;
            match find(&description) {
                None => add(connection, table, &description, options).await?,
                Some(index) if serves(index) => return Ok(()),
                Some(_) => report(&IndexState::of(connection, table, &description)),
            }
        }
        if Instant::now() + pause >= deadline {
            return Err(too_slow(connection, table));
        }
        sleep(pause).await;
        pause = (pause + FIRST_PAUSE).min(LAST_PAUSE);
    }
}

fn find(description: &TableDescription) -> Option<&GlobalSecondaryIndexDescription> {
    let indexes = description.global_secondary_indexes();
    indexes.iter().find(|index| index.index_name() == Some(INDEX))
}

/// An index that is being updated serves requests as well.
fn serves(index: &GlobalSecondaryIndexDescription) -> bool {
    matches!(index.index_status(), Some(IndexStatus::Active | IndexStatus::Updating))
}

async fn add(
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
    options: &Options,
) -> Result<(), BalanceError> {
    let action = CreateGlobalSecondaryIndexAction::builder()
        .index_name(INDEX)
        .set_key_schema(Some(key_schema()))
        .projection(everything())
        .set_provisioned_throughput(provisioned(description))
        .build()
        .expect("name, keys and projection are set");
    let input = UpdateTableInput::builder()
        .table_name(table.name)
        .set_attribute_definitions(Some(attributes().into()))
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

fn key_schema() -> Vec<KeySchemaElement> {
    vec![key(USER, KeyType::Hash), key(TIMESTAMP, KeyType::Range)]
}

fn attributes() -> [AttributeDefinition; 2] {
    [
        super::attribute(USER, ScalarAttributeType::S),
        super::attribute(TIMESTAMP, ScalarAttributeType::S),
    ]
}

fn everything() -> Projection {
    Projection::builder().projection_type(ProjectionType::All).build()
}

fn too_slow(connection: &Connection, table: &Table<'_>) -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        format!(
            "The index {INDEX:?} of table {:?} in {} was not active within {} minutes; DynamoDB \
             goes on building it. Call createTables({{ history: true }}) again to go on waiting.",
            table.name,
            place(connection),
            MAX_BUILDING.as_secs() / 60
        ),
    )
}
