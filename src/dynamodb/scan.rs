//! Reading a whole table: parallel scans, strongly consistent, page by page.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_dynamodb::{Client, Config};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::connection::Connection;
use super::{fault, table};
use crate::audit::{Attribute, BalanceItem, RecordItem};
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::options::Options;
use crate::store::Fault;

/// Parts of a table that are read at the same time. Each holds at most one page, of 1 MB.
const SEGMENTS: i32 = 8;
/// An audit is in no hurry: the SDK's own retry loop waits up to 20 seconds between attempts.
const ATTEMPTS: u32 = 10;
/// The most items that one `BatchGetItem` reads.
/// Source: Amazon DynamoDB API Reference, `BatchGetItem`.
const LARGEST_BATCH: usize = 100;
/// How often the rest of a batch is asked for, with a growing pause.
const BATCH_ROUNDS: u32 = 10;

type Item = HashMap<String, AttributeValue>;

/// The balances that one request brought.
pub type Balances = Vec<(String, StoredBalance)>;

/// Items as the audit takes them.
pub enum Page {
    Balances(Vec<BalanceItem>),
    Records(Vec<RecordItem>),
}

/// Reads tables, and hands over page by page.
pub struct Scan {
    client: Client,
    patience: aws_sdk_dynamodb::config::Builder,
    tasks: JoinSet<Result<(), Fault>>,
    sender: mpsc::Sender<Page>,
    pages: mpsc::Receiver<Page>,
}

impl Scan {
    pub fn new(connection: &Connection, options: &Options) -> Self {
        // One page waits while one is worked on: what is read is never far ahead.
        let (sender, pages) = mpsc::channel(1);
        Self {
            client: connection.client.clone(),
            patience: patience(options),
            tasks: JoinSet::new(),
            sender,
            pages,
        }
    }

    #[must_use]
    pub fn balances(mut self, options: &Options) -> Self {
        let attributes = ["userId", "balance", "fencedCalls"];
        self.start(&options.balances_table, &attributes, |items| {
            Page::Balances(items.iter().map(balance_item).collect())
        });
        self
    }

    #[must_use]
    pub fn records(mut self, options: &Options) -> Self {
        let attributes = ["idempotentKey", "userId", "amount", "type", "timestamp", "callId"];
        self.start(&options.transactions_table, &attributes, |items| {
            Page::Records(items.iter().map(record_item).collect())
        });
        self
    }

    fn start(&mut self, table: &str, attributes: &[&str], read: fn(Vec<Item>) -> Page) {
        for number in 0..SEGMENTS {
            let segment = Segment {
                client: self.client.clone(),
                patience: self.patience.clone(),
                table: table.to_owned(),
                attributes: attributes.iter().map(|&name| name.to_owned()).collect(),
                number,
            };
            self.tasks.spawn(segment.read(read, self.sender.clone()));
        }
    }

    /// Hands every page to `take`, until all are read or something fails.
    pub async fn each_page(
        self,
        mut take: impl FnMut(Page) -> Result<(), BalanceError>,
        connection: &Connection,
        options: &Options,
    ) -> Result<(), BalanceError> {
        let Self { mut tasks, sender, mut pages, .. } = self;
        // The channel ends with the last task.
        drop(sender);
        loop {
            // The first segment that fails ends all: without it there is no verdict.
            tokio::select! {
                Some(page) = pages.recv() => take(page)?,
                Some(outcome) = tasks.join_next() => succeed(outcome, connection, options).await?,
                else => return Ok(()),
            }
        }
    }
}

async fn succeed(
    outcome: Result<Result<(), Fault>, JoinError>,
    connection: &Connection,
    options: &Options,
) -> Result<(), BalanceError> {
    match outcome.unwrap_or_else(|panic| Err(Fault::Final(defect(&panic)))) {
        Ok(()) => Ok(()),
        Err(fault) => Err(failure(fault, connection, options).await),
    }
}

/// One part of a table.
struct Segment {
    client: Client,
    patience: aws_sdk_dynamodb::config::Builder,
    table: String,
    attributes: Vec<String>,
    number: i32,
}

impl Segment {
    async fn read(
        self,
        read: fn(Vec<Item>) -> Page,
        sink: mpsc::Sender<Page>,
    ) -> Result<(), Fault> {
        // Names such as `type` are reserved words.
        let names: HashMap<String, String> = self
            .attributes
            .iter()
            .enumerate()
            .map(|(index, name)| (format!("#{index}"), name.clone()))
            .collect();
        let projection = names.keys().cloned().collect::<Vec<String>>().join(", ");
        let mut start = None;
        loop {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .segment(self.number)
                .total_segments(SEGMENTS)
                .projection_expression(&projection)
                .set_expression_attribute_names(Some(names.clone()))
                .set_exclusive_start_key(start)
                .customize()
                .config_override(self.patience.clone())
                .send()
                .await
                .map_err(|error| classify(&error))?;
            // Whoever took the pages has given up.
            if sink.send(read(page.items.unwrap_or_default())).await.is_err() {
                return Ok(());
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// Reads the balances of some users, strongly consistent. Users without an item are left out.
pub async fn balances_of(
    users: &[String],
    connection: &Connection,
    options: &Options,
) -> Result<Balances, BalanceError> {
    let mut found = Vec::new();
    for batch in users.chunks(LARGEST_BATCH) {
        let mut wanted = batch.iter().map(|user| key(user)).collect::<Vec<Item>>();
        for round in 0..BATCH_ROUNDS {
            let (items, rest) = match read_batch(wanted, connection, options).await {
                Ok(answer) => answer,
                Err(fault) => return Err(failure(fault, connection, options).await),
            };
            found.extend(
                items.iter().map(|item| (user_id(item), super::stored_balance(Some(item)))),
            );
            wanted = rest;
            if wanted.is_empty() {
                break;
            }
            sleep(options.deadlines.attempt.min(Duration::from_millis(25 << round))).await;
        }
        if !wanted.is_empty() {
            return Err(no_verdict("DynamoDB kept leaving reads unprocessed"));
        }
    }
    Ok(found)
}

async fn read_batch(
    keys: Vec<Item>,
    connection: &Connection,
    options: &Options,
) -> Result<(Vec<Item>, Vec<Item>), Fault> {
    let request = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .projection_expression("userId, balance")
        .build()
        .expect("the keys are set");
    let output = connection
        .client
        .batch_get_item()
        .request_items(&options.balances_table, request)
        .customize()
        .config_override(patience(options))
        .send()
        .await
        .map_err(|error| classify(&error))?;
    // One table was asked, by name or by ARN; whatever DynamoDB calls it, it is that one.
    let items = output.responses.unwrap_or_default().into_values().flatten().collect();
    let rest = output
        .unprocessed_keys
        .unwrap_or_default()
        .into_values()
        .flat_map(|rest| rest.keys)
        .collect();
    Ok((items, rest))
}

fn patience(options: &Options) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(options.deadlines.connect)
                .operation_attempt_timeout(options.deadlines.attempt)
                .build(),
        )
}

fn classify<E>(error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if fault::is_table_missing(error) {
        // Which one it is, the caller finds out.
        return Fault::Final(BalanceError::new(ErrorCode::TableNotFound, ""));
    }
    fault::classify(error, true)
}

async fn failure(fault: Fault, connection: &Connection, options: &Options) -> BalanceError {
    match fault {
        Fault::Final(error) if error.code == ErrorCode::TableNotFound => {
            table::missing(connection, options).await
        }
        Fault::Final(error) | Fault::Rejected(error) => error,
        Fault::Contended(reason) | Fault::NotTaken(reason) | Fault::Unanswered(reason) => {
            no_verdict(&reason.summary).caused_by(reason.cause)
        }
    }
}

fn no_verdict(reason: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::NothingHappened,
        format!(
            "The tables could not be read to the end: {reason}. There is no verdict. An audit \
             changes nothing: run it again."
        ),
    )
}

fn defect(panic: &JoinError) -> BalanceError {
    BalanceError::new(
        ErrorCode::InternalError,
        format!("Internal error: {panic}. An audit changes nothing."),
    )
}

fn balance_item(item: &Item) -> BalanceItem {
    BalanceItem {
        user_id: user_id(item),
        balance: attribute(item, "balance"),
        fenced_calls: attribute(item, "fencedCalls"),
    }
}

fn record_item(item: &Item) -> RecordItem {
    RecordItem {
        idempotent_key: text(item, "idempotentKey"),
        user_id: attribute(item, "userId"),
        amount: attribute(item, "amount"),
        transaction_type: attribute(item, "type"),
        timestamp: attribute(item, "timestamp"),
        call_id: attribute(item, "callId"),
    }
}

fn key(user_id: &str) -> Item {
    HashMap::from([("userId".to_owned(), AttributeValue::S(user_id.to_owned()))])
}

fn user_id(item: &Item) -> String {
    text(item, "userId")
}

/// The table's own key, which always is a string.
fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

fn attribute(item: &Item, name: &str) -> Attribute {
    match item.get(name) {
        None => Attribute::Absent,
        Some(AttributeValue::S(text)) => Attribute::Text(text.clone()),
        Some(AttributeValue::N(number)) => {
            Decimal::parse(number).map_or(Attribute::Other, Attribute::Number)
        }
        Some(AttributeValue::Ss(_)) => Attribute::TextSet,
        Some(_) => Attribute::Other,
    }
}
