//! Reading a whole table: parallel scans, strongly consistent, page by page.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItem, BatchGetItemInput};
use aws_sdk_dynamodb::operation::scan::{Scan as ScanOperation, ScanInput};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _, try_unfold};
use tokio::time::sleep;

use crate::core::audit::{Attribute, BalanceItem, RecordItem, Sums};
use crate::core::backoff;
use crate::dynamodb::admin::retrying::{self, Failure};
use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::{fault, stored_number};
use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::options::Options;
use crate::store::Fault;

/// Parts of a table that are read at the same time. Each holds at most one page, of 1 MB.
const SEGMENTS: i32 = 8;
/// How often a page is asked for: an audit can wait a minute and a half for a busy table.
const ATTEMPTS: u32 = 14;
/// The most items that one `BatchGetItem` reads.
/// Source: Amazon DynamoDB API Reference, `BatchGetItem`.
const LARGEST_BATCH: usize = 100;
/// How often the rest of a batch is asked for, with a growing pause.
const BATCH_ROUNDS: u32 = 10;

type Item = HashMap<String, AttributeValue>;

/// What is stored of users.
pub type SumsOfUsers = Vec<(String, Sums)>;

/// Items as the audit takes them.
pub enum Page {
    Balances(Vec<BalanceItem>),
    Records(Vec<RecordItem>),
}

/// Reads tables, and hands over page by page. Each segment has at most one page in memory.
pub struct Scan<'a> {
    pages: SelectAll<BoxStream<'a, Result<Page, Failure>>>,
    connection: &'a Connection,
    options: &'a Options,
}

impl<'a> Scan<'a> {
    pub fn new(connection: &'a Connection, options: &'a Options) -> Self {
        Self { pages: SelectAll::new(), connection, options }
    }

    #[must_use]
    pub fn balances(self) -> Self {
        let attributes = &["userId", "balance", "held", "epoch"];
        let table = &self.options.balances_table;
        self.add(table, attributes, |items| {
            items.iter().map(balance_item).collect::<Option<_>>().map(Page::Balances)
        })
    }

    #[must_use]
    pub fn records(self) -> Self {
        let attributes =
            &["idempotentKey", "userId", "amount", "type", "timestamp", "callId", "holdState"];
        let table = &self.options.transactions_table;
        self.add(table, attributes, |items| {
            items.iter().map(record_item).collect::<Option<_>>().map(Page::Records)
        })
    }

    /// The first of the attributes is the key of the table: `read` has nothing to say of items without it.
    fn add(
        mut self,
        table: &'a str,
        attributes: &'static [&'static str],
        read: fn(&[Item]) -> Option<Page>,
    ) -> Self {
        let Self { connection, options, .. } = self;
        for number in 0..SEGMENTS {
            let segment = segment(table, attributes, number);
            let pages = try_unfold(Some(segment), move |position| async move {
                let Some(mut input) = position else { return Ok(None) };
                let request = input.clone();
                let output =
                    retrying::send::<ScanOperation>(request, ATTEMPTS, connection, options).await?;
                // Without them it is not known that the page is empty.
                let items = output.items.ok_or_else(|| unreadable("it has no Items"))?;
                let page = read(&items).ok_or_else(|| another_table(table, attributes))?;
                let rest = output.last_evaluated_key.map(|last| {
                    input.exclusive_start_key = Some(last);
                    input
                });
                Ok(Some((page, rest)))
            });
            self.pages.push(pages.boxed());
        }
        self
    }

    /// Hands every page to `take`, until all are read or something fails.
    pub async fn each_page(
        mut self,
        mut take: impl FnMut(Page) -> Result<(), BalanceError>,
    ) -> Result<(), BalanceError> {
        while let Some(page) = self.pages.next().await {
            match page {
                Ok(page) => take(page)?,
                // The first segment that fails ends all: without it there is no verdict.
                Err(failure) => return Err(explain(failure, self.connection, self.options).await),
            }
        }
        Ok(())
    }
}

/// The first page of one part of a table.
fn segment(table: &str, attributes: &[&str], number: i32) -> ScanInput {
    // Names such as `type` are reserved words.
    let names = attributes.iter().enumerate().map(|(index, name)| (format!("#{index}"), *name));
    let projection = names.clone().map(|(alias, _)| alias).collect::<Vec<String>>().join(", ");
    let names = names.map(|(alias, name)| (alias, name.to_owned())).collect();
    ScanInput::builder()
        .table_name(table)
        .consistent_read(true)
        .segment(number)
        .total_segments(SEGMENTS)
        .projection_expression(projection)
        .set_expression_attribute_names(Some(names))
        .build()
        .expect("the table is set")
}

/// Reads the balances of some users, and what is held of them, strongly consistent. Users without an item are left out.
pub async fn sums_of(
    users: &[String],
    connection: &Connection,
    options: &Options,
) -> Result<SumsOfUsers, BalanceError> {
    let mut found = Vec::new();
    for batch in users.chunks(LARGEST_BATCH) {
        let mut wanted = batch.iter().map(|user| key(user)).collect::<Vec<Item>>();
        for round in 0..BATCH_ROUNDS {
            let (items, rest) = match read_batch(wanted, connection, options).await {
                Ok(answer) => answer,
                Err(failure) => return Err(explain(failure, connection, options).await),
            };
            found.extend(items.iter().filter_map(|item| Some((text(item, "userId")?, sums(item)))));
            wanted = rest;
            if wanted.is_empty() {
                break;
            }
            sleep(backoff::pause_patient(round, fastrand::f64())).await;
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
) -> Result<(Vec<Item>, Vec<Item>), Failure> {
    let keys = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .projection_expression("userId, balance, held")
        .build()
        .expect("the keys are set");
    let input = BatchGetItemInput::builder()
        .request_items(&options.balances_table, keys)
        .build()
        .expect("all fields are optional");
    let output = retrying::send::<BatchGetItem>(input, ATTEMPTS, connection, options).await?;
    // One table was asked, by name or by ARN; whatever DynamoDB calls it, it is that one.
    let responses = output.responses.ok_or_else(|| unreadable("it has no Responses"))?;
    let items = responses.into_values().flatten().collect();
    let rest = output
        .unprocessed_keys
        .unwrap_or_default()
        .into_values()
        .flat_map(|rest| rest.keys)
        .collect();
    Ok((items, rest))
}

async fn explain(failure: Failure, connection: &Connection, options: &Options) -> BalanceError {
    let fault = if failure.is_table_missing() {
        table::missing(connection, options).await
    } else {
        failure.fault
    };
    match fault {
        Fault::Final(error) | Fault::Rejected(error) => error,
        Fault::Contended(reason)
        | Fault::NotTaken(reason)
        | Fault::Throttled(reason)
        | Fault::Unanswered(reason) => no_verdict(&reason.summary).caused_by(reason.cause),
    }
}

fn unreadable(complaint: &str) -> Failure {
    Failure { code: None, fault: fault::unreadable(complaint) }
}

/// Every item of a table has its key.
fn another_table(table: &str, attributes: &[&str]) -> Failure {
    let key = attributes.first().copied().unwrap_or_default();
    let (option, other) = match key {
        "userId" => ("balancesTable", "transactionsTable"),
        _ => ("transactionsTable", "balancesTable"),
    };
    let error = BalanceError::new(
        ErrorCode::TableMismatch,
        format!(
            "Table {table} has items without {key}, so that it cannot be the {option}. Are it and the \
             {other} swapped? There is no verdict, and nothing was changed."
        ),
    );
    Failure { code: None, fault: Fault::Final(error) }
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

/// `None`: it has not the key of the table of balances.
fn balance_item(item: &Item) -> Option<BalanceItem> {
    Some(BalanceItem {
        user_id: text(item, "userId")?,
        balance: attribute(item, "balance"),
        held: attribute(item, "held"),
        epoch: attribute(item, "epoch"),
    })
}

fn sums(item: &Item) -> Sums {
    let number = |name| stored_number(Some(item), name);
    Sums { balance: number("balance"), held: number("held") }
}

/// `None`: it has not the key of the table of transactions.
fn record_item(item: &Item) -> Option<RecordItem> {
    Some(RecordItem {
        idempotent_key: text(item, "idempotentKey")?,
        user_id: attribute(item, "userId"),
        amount: attribute(item, "amount"),
        transaction_type: attribute(item, "type"),
        timestamp: attribute(item, "timestamp"),
        call_id: attribute(item, "callId"),
        hold_state: attribute(item, "holdState"),
    })
}

fn key(user_id: &str) -> Item {
    HashMap::from([("userId".to_owned(), AttributeValue::S(user_id.to_owned()))])
}

fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

fn attribute(item: &Item, name: &str) -> Attribute {
    match item.get(name) {
        None => Attribute::Absent,
        Some(AttributeValue::S(text)) => Attribute::Text(text.clone()),
        Some(AttributeValue::N(number)) => {
            Decimal::parse(number).map_or(Attribute::Other, Attribute::Number)
        }
        Some(_) => Attribute::Other,
    }
}
