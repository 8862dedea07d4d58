//! The two tables: making them, checking them, and explaining that one is missing.

pub mod index;
pub mod settings;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::{CreateTable, CreateTableInput};
use aws_sdk_dynamodb::operation::describe_table::{DescribeTable, DescribeTableInput};
use aws_sdk_dynamodb::operation::describe_time_to_live::{
    DescribeTimeToLive, DescribeTimeToLiveInput,
};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TableDescription, TableStatus, TimeToLiveDescription,
};
use tokio::join;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep, timeout};

use self::index::IndexState;
use self::settings::Warning;
use crate::core::history::Index;
use crate::dynamodb::admin::retrying::{self, Failure};
use crate::dynamodb::client::Connection;
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;
use crate::options::tables::TablesOptions;
use crate::store::{Fault, Reason};

/// A new on-demand table takes seconds; past this something is wrong.
const MAX_CREATION: Duration = Duration::from_mins(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How often a table is described or made before that counts as failed: some 7 seconds of pauses.
const ATTEMPTS: u32 = 10;
/// How long the explanation of a missing table may take, for both together: the call that needs it
/// has a deadline.
const MAX_EXPLANATION: Duration = Duration::from_secs(2);
/// How long what was found counts for others.
const LAST_LOOK_COUNTS: Duration = Duration::from_millis(200);
/// How long the look at a table's time to live may take, without which the rest is known.
const MAX_LOOK_AT_SETTINGS: Duration = Duration::from_secs(5);

/// A table as this package needs it: one partition key, a string.
struct Table<'a> {
    name: &'a str,
    key: &'static str,
}

fn tables(options: &Options) -> [Table<'_>; 2] {
    [
        Table { name: &options.balances_table, key: "userId" },
        Table { name: &options.transactions_table, key: "idempotentKey" },
    ]
}

/// The names of the tables that this process is making, each as often as it is being made. Calls
/// that come meanwhile and find no table wait for it, as those do that find it too young.
static BEING_MADE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the two names in `BEING_MADE` as long as it lives.
struct Making<'a>([Table<'a>; 2]);

impl<'a> Making<'a> {
    fn start(tables: [Table<'a>; 2]) -> Self {
        being_made().extend(tables.iter().map(|table| table.name.to_owned()));
        Self(tables)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let mut names = being_made();
        for table in &self.0 {
            if let Some(position) = names.iter().position(|name| name == table.name) {
                names.swap_remove(position);
            }
        }
    }
}

fn being_made() -> MutexGuard<'static, Vec<String>> {
    BEING_MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks the tables that exist, makes the others, and returns when all can be used. `report` is
/// told of an index that is being added to a table with records.
pub async fn create(
    connection: &Connection,
    options: &Options,
    wanted: TablesOptions,
    report: &impl Fn(&IndexState),
) -> Result<(), BalanceError> {
    let _making = Making::start(tables(options));
    let deadline = Instant::now() + MAX_CREATION;
    let mut missing = Vec::new();
    // First all checks, then the changes: a wrong table leaves everything as it was.
    for table in tables(options) {
        match describe(connection, &table, options).await? {
            None => missing.push(table),
            Some(description) => {
                check(connection, &table, &description)?;
                for index in table.indexes().filter(|index| wanted.indexes().any(|it| it == *index))
                {
                    index::check(index, connection, &table, &description)?;
                }
            }
        }
    }
    for table in &missing {
        create_one(connection, table, options, wanted).await?;
    }
    for table in tables(options) {
        wait_until_active(connection, &table, options, deadline).await?;
    }
    let [_, transactions] = tables(options);
    // DynamoDB adds one after the other.
    for index in wanted.indexes() {
        index::ensure(index, connection, &transactions, options, report).await?;
    }
    Ok(())
}

/// A table as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableState {
    pub name: String,
    /// Why it cannot be used, and what to do.
    pub trouble: Option<BalanceError>,
    /// What endangers the money in it, although it can be used.
    pub warnings: Vec<Warning>,
    /// What could not be looked at, and why.
    pub unchecked: Vec<Warning>,
    /// Of the table of transactions: each that there can be, found or not.
    pub indexes: Vec<IndexState>,
}

/// Looks at both tables and changes nothing.
pub async fn look(
    connection: &Connection,
    options: &Options,
) -> Result<Vec<TableState>, BalanceError> {
    let mut states = Vec::new();
    for table in tables(options) {
        states.push(match describe(connection, &table, options).await? {
            None => TableState {
                name: table.name.to_owned(),
                trouble: Some(absent(&table, connection)),
                warnings: Vec::new(),
                unchecked: Vec::new(),
                indexes: Vec::new(),
            },
            Some(description) => look_closer(connection, &table, &description, options).await,
        });
    }
    Ok(states)
}

/// What is to be said of a table that is there.
async fn look_closer(
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
    options: &Options,
) -> TableState {
    let trouble = check(connection, table, description)
        .and_then(|()| check_status(connection, table, description))
        .and_then(|()| settings::check_transactions(table, description))
        .err();
    let mut warnings: Vec<_> = settings::replication(table, description).into_iter().collect();
    let mut unchecked = Vec::new();
    match time_to_live(connection, table, options).await {
        Ok(found) => warnings.extend(settings::expiry(table, &found)),
        Err(why) => unchecked.push(settings::unknown_time_to_live(table, &why)),
    }
    let state = |index| IndexState::of(index, connection, table, description);
    let indexes = table.indexes().map(state).collect();
    TableState { name: table.name.to_owned(), trouble, warnings, unchecked, indexes }
}

async fn time_to_live(
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
) -> Result<TimeToLiveDescription, String> {
    let input =
        DescribeTimeToLiveInput::builder().table_name(table.name).build().expect("the name is set");
    let look = retrying::send::<DescribeTimeToLive>(input, ATTEMPTS, connection, options);
    match timeout(MAX_LOOK_AT_SETTINGS, look).await {
        Err(_elapsed) => Err("DynamoDB did not answer in time".to_owned()),
        Ok(Err(failure)) => Err(explain(failure, "look at", table).message),
        Ok(Ok(output)) => output
            .time_to_live_description
            .filter(|found| found.time_to_live_status().is_some())
            .ok_or_else(|| "DynamoDB's answer does not say".to_owned()),
    }
}

/// About how many items each table has; `None` where DynamoDB does not say.
pub async fn sizes(connection: &Connection, options: &Options) -> [Option<u64>; 2] {
    let [balances, transactions] = tables(options);
    [size(connection, &balances, options).await, size(connection, &transactions, options).await]
}

async fn size(connection: &Connection, table: &Table<'_>, options: &Options) -> Option<u64> {
    let look = timeout(MAX_LOOK_AT_SETTINGS, describe(connection, table, options)).await;
    u64::try_from(look.ok()?.ok()??.item_count?).ok()
}

fn absent(table: &Table<'_>, connection: &Connection) -> BalanceError {
    BalanceError::new(
        ErrorCode::TableNotFound,
        format!(
            "Table not found: {:?} in {}. Make it with createTables() of a BalanceClient, or \
             with: {}",
            table.name,
            place(connection),
            table.command(connection)
        ),
    )
}

fn check_status(
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
) -> Result<(), BalanceError> {
    if serves(description) {
        return Ok(());
    }
    Err(BalanceError::new(
        ErrorCode::ServiceError,
        format!(
            "Table not ready: {:?} in {} is {}. Wait until it is ACTIVE.",
            table.name,
            place(connection),
            description.table_status().map_or("in an unknown state", TableStatus::as_str)
        ),
    ))
}

/// A table that is being updated serves requests as well.
fn serves(description: &TableDescription) -> bool {
    matches!(description.table_status(), Some(TableStatus::Active | TableStatus::Updating))
}

/// What it means that DynamoDB knows no such table: which one is missing, where, and how to make
/// it; or, of tables made just now, that DynamoDB does not serve them yet. Nothing was changed
/// either way.
pub async fn missing(connection: &Connection, options: &Options) -> Fault {
    // Before the look as well as after it: what ends meanwhile does not make the table absent.
    let mut names_being_made = being_made().clone();
    // Boxed: every call has room for it, and hardly any needs it.
    let look = timeout(MAX_EXPLANATION, Box::pin(look_for_both(connection, options)));
    let found = look.await.unwrap_or([Presence::Unknown; 2]);
    let tables = tables(options);
    let absent: Vec<&Table<'_>> = tables
        .iter()
        .zip(&found)
        .filter_map(|(table, presence)| (*presence == Presence::Absent).then_some(table))
        .collect();
    names_being_made.extend(being_made().iter().cloned());
    let is_being_made = |table: &Table<'_>| names_being_made.iter().any(|name| name == table.name);
    if !absent.is_empty() && !absent.iter().all(|table| is_being_made(table)) {
        return Fault::Final(not_found(&absent, " and ", connection));
    }
    if found.contains(&Presence::Unknown) {
        // Without the permission to look, or in time, either may be the one.
        let either: Vec<&Table<'_>> = tables.iter().collect();
        return Fault::Final(not_found(&either, " or ", connection));
    }
    let summary = if found.contains(&Presence::Creating) || !absent.is_empty() {
        "a table is still being created"
    } else {
        "both tables are there, but DynamoDB does not serve them yet"
    };
    Fault::NotTaken(Reason { summary: summary.to_owned(), cause: None })
}

/// What was found when the tables were looked for the last time, and when. Of thousands of calls that
/// find no table at once, one looks, and the others take what it found.
#[derive(Debug, Default)]
pub struct LastLook(AsyncMutex<Option<(Instant, [Presence; 2])>>);

async fn look_for_both(connection: &Connection, options: &Options) -> [Presence; 2] {
    let asked = Instant::now();
    let mut last = connection.last_look.0.lock().await;
    if let Some((began, found)) = *last {
        // A table that was absent may have been made since.
        let still_counts = !found.contains(&Presence::Absent) && began.elapsed() < LAST_LOOK_COUNTS;
        if began >= asked || still_counts {
            return found;
        }
    }
    let began = Instant::now();
    let [balances, transactions] = tables(options);
    let (balances, transactions) = join!(
        describe(connection, &balances, options),
        describe(connection, &transactions, options)
    );
    let found = [Presence::of(balances), Presence::of(transactions)];
    *last = Some((began, found));
    found
}

/// Whether a table is there, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Absent,
    Creating,
    There,
    Unknown,
}

impl Presence {
    fn of(look: Result<Option<TableDescription>, BalanceError>) -> Self {
        match look {
            Err(_) => Self::Unknown,
            Ok(None) => Self::Absent,
            Ok(Some(description)) => match description.table_status() {
                Some(TableStatus::Creating) => Self::Creating,
                Some(TableStatus::Active | TableStatus::Updating) => Self::There,
                // On its way out, or out of reach: it will not be served soon.
                _ => Self::Absent,
            },
        }
    }
}

fn not_found(tables: &[&Table<'_>], conjunction: &str, connection: &Connection) -> BalanceError {
    let names: Vec<String> = tables.iter().map(|table| format!("{:?}", table.name)).collect();
    let commands: Vec<String> = tables.iter().map(|table| table.command(connection)).collect();
    BalanceError::new(
        ErrorCode::TableNotFound,
        format!(
            "Table not found: {} in {}. Nothing happened. Make it with createTables() of a \
             BalanceClient, or with: {}",
            names.join(conjunction),
            place(connection),
            commands.join(" && ")
        ),
    )
}

impl Table<'_> {
    /// Those that it can have.
    fn indexes(&self) -> impl Iterator<Item = Index> + use<> {
        let is_of_transactions = self.key == "idempotentKey";
        Index::ALL.into_iter().filter(move |_| is_of_transactions)
    }

    fn command(&self, connection: &Connection) -> String {
        let endpoint = connection
            .endpoint
            .as_ref()
            .map_or_else(String::new, |url| format!(" --endpoint-url {url}"));
        format!(
            "aws dynamodb create-table --table-name {} --attribute-definitions \
             AttributeName={key},AttributeType=S --key-schema AttributeName={key},KeyType=HASH \
             --billing-mode PAY_PER_REQUEST --region {}{endpoint}",
            self.name,
            connection.region,
            key = self.key,
        )
    }
}

fn place(connection: &Connection) -> String {
    match &connection.endpoint {
        Some(endpoint) => format!("region {} at {endpoint}", connection.region),
        None => format!("region {}", connection.region),
    }
}

async fn describe(
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
) -> Result<Option<TableDescription>, BalanceError> {
    let input =
        DescribeTableInput::builder().table_name(table.name).build().expect("the name is set");
    match retrying::send::<DescribeTable>(input, ATTEMPTS, connection, options).await {
        Ok(output) => Ok(output.table),
        Err(failure) if failure.is_table_missing() => Ok(None),
        Err(failure) => Err(explain(failure, "look at", table)),
    }
}

async fn create_one(
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
    wanted: TablesOptions,
) -> Result<(), BalanceError> {
    let table_alone = CreateTableInput::builder()
        .table_name(table.name)
        .key_schema(key(table.key, KeyType::Hash))
        .attribute_definitions(attribute(table.key, ScalarAttributeType::S))
        .billing_mode(BillingMode::PayPerRequest);
    let indexes = table.indexes().filter(|index| wanted.indexes().any(|it| it == *index));
    let input = index::define(table_alone, indexes).build().expect("all fields are optional");
    match retrying::send::<CreateTable>(input, ATTEMPTS, connection, options).await {
        Ok(_) => Ok(()),
        // Somebody else made it in the meantime; it is checked when it is active.
        Err(failure) if failure.is_resource_in_use() => Ok(()),
        Err(failure) => Err(explain(failure, "create", table)),
    }
}

fn key(name: &str, key_type: KeyType) -> KeySchemaElement {
    let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
    key.build().expect("name and type are set")
}

fn attribute(name: &str, attribute_type: ScalarAttributeType) -> AttributeDefinition {
    let attribute =
        AttributeDefinition::builder().attribute_name(name).attribute_type(attribute_type);
    attribute.build().expect("name and type are set")
}

async fn wait_until_active(
    connection: &Connection,
    table: &Table<'_>,
    options: &Options,
    deadline: Instant,
) -> Result<(), BalanceError> {
    loop {
        if let Some(description) = describe(connection, table, options).await? {
            check(connection, table, &description)?;
            if serves(&description) {
                return Ok(());
            }
        }
        if Instant::now() + BETWEEN_LOOKS >= deadline {
            return Err(BalanceError::new(
                ErrorCode::ServiceError,
                format!(
                    "Table {:?} in {} was not active within {} seconds. Call createTables() again \
                     to go on waiting.",
                    table.name,
                    place(connection),
                    MAX_CREATION.as_secs()
                ),
            ));
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

fn check(
    connection: &Connection,
    table: &Table<'_>,
    description: &TableDescription,
) -> Result<(), BalanceError> {
    let keys: Vec<String> =
        description.key_schema().iter().map(describe_key(description)).collect();
    let expected = format!("{} (HASH, S)", table.key);
    if keys == [expected.as_str()] {
        return Ok(());
    }
    Err(BalanceError::new(
        ErrorCode::TableMismatch,
        format!(
            "Table mismatch: {:?} in {} exists with the key {}, but this package needs {expected}. \
             Nothing was changed; choose another name with the options balancesTable and \
             transactionsTable.",
            table.name,
            place(connection),
            keys.join(" and ")
        ),
    ))
}

fn describe_key(description: &TableDescription) -> impl Fn(&KeySchemaElement) -> String + '_ {
    |key| {
        let attribute_type = description
            .attribute_definitions()
            .iter()
            .find(|definition| definition.attribute_name() == key.attribute_name())
            .map_or("?", |definition| definition.attribute_type().as_str());
        format!("{} ({}, {attribute_type})", key.attribute_name(), key.key_type())
    }
}

/// A request that failed for good.
fn explain(failure: Failure, verb: &str, table: &Table<'_>) -> BalanceError {
    match failure.fault {
        Fault::Final(error) | Fault::Rejected(error) => error,
        Fault::Contended(reason)
        | Fault::NotTaken(reason)
        | Fault::Throttled(reason)
        | Fault::Unanswered(reason) => BalanceError::new(
            ErrorCode::ServiceError,
            format!(
                "Could not {verb} table {:?}: {}. It is safe to call again.",
                table.name, reason.summary
            ),
        )
        .caused_by(reason.cause),
    }
}
