//! The history of a user: which transactions are asked for, and what is told of each.

pub mod cursor;

use std::time::{Duration, UNIX_EPOCH};

use crate::error::{BalanceError, ErrorCode};
use crate::store::{ExistingRecord, Record};
use crate::transaction::{Metadata, UserId};
use crate::value::{Value, spell};

/// The index of the table of transactions: partition `userId`, sort `timestamp`.
pub const INDEX: &str = "UserHistory";

const DEFAULT_LIMIT: u32 = 100;
/// More than that rarely fits the 1 MB of one answer.
const MAX_LIMIT: u32 = 1000;

/// The last millisecond of the year 9999, the last one with a timestamp of this form.
const LAST_MILLISECOND: f64 = 253_402_300_799_999.0;

/// What a caller asks for, as it arrived. A `Date` is its number of milliseconds.
#[derive(Clone, Debug)]
pub struct UncheckedListing {
    pub user_id: Value,
    pub from: Value,
    pub to: Value,
    pub order: Value,
    pub limit: Value,
    pub cursor: Value,
}

/// One page of the history of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub series: Series,
    /// The most transactions that the page has.
    pub limit: u32,
    /// The last one of the page before.
    pub after: Option<Position>,
}

/// What stays the same from page to page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    pub user_id: UserId,
    pub range: Range,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Newest,
    Oldest,
}

/// Bounds of the text of a timestamp, both inclusive. They are instants without their `Z`, so that
/// they come before every finer timestamp of the same millisecond: what is at or after `from` and
/// before `to` as text is so in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Where a record stands in the history of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub timestamp: String,
    pub idempotent_key: String,
}

/// A record as it is told. Others may have written it, so that all is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTransaction {
    pub idempotent_key: String,
    pub user_id: String,
    pub amount: String,
    pub transaction_type: String,
    pub timestamp: String,
    pub metadata: Option<Vec<(String, String)>>,
    /// What is wrong with it.
    pub malformed: Option<String>,
}

impl From<&Record> for RecordedTransaction {
    fn from(record: &Record) -> Self {
        let transaction = &record.transaction;
        let entries = |it: &Metadata| it.entries().clone().into_iter().collect();
        Self {
            idempotent_key: transaction.idempotent_key.as_str().to_owned(),
            user_id: transaction.user_id.as_str().to_owned(),
            amount: transaction.amount.as_decimal().to_plain_string(),
            transaction_type: transaction.transaction_type.as_str().to_owned(),
            timestamp: record.timestamp.clone(),
            metadata: transaction.metadata.as_ref().map(entries),
            malformed: None,
        }
    }
}

impl RecordedTransaction {
    /// What an earlier call recorded that asked for the same.
    pub fn replayed(asked: &Record, existing: ExistingRecord) -> Self {
        let metadata = existing.metadata.map(|entries| entries.into_iter().collect());
        let timestamp = existing.timestamp.unwrap_or_default();
        Self { timestamp, metadata, ..Self::from(asked) }
    }
}

/// A page as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub transactions: Vec<RecordedTransaction>,
    /// Leads to the next page; `None`: this was the last one.
    pub cursor: Option<String>,
}

impl Listing {
    pub fn validate(unchecked: UncheckedListing) -> Result<Self, BalanceError> {
        let series = Series {
            user_id: UserId::validate_for_balance(unchecked.user_id)?,
            range: Range::validate(&unchecked.from, &unchecked.to)?,
            order: Order::validate(&unchecked.order)?,
        };
        let limit = validate_limit(&unchecked.limit)?;
        let after = match unchecked.cursor {
            Value::Undefined => None,
            cursor => Some(cursor::read(&cursor, &series)?),
        };
        Ok(Self { series, limit, after })
    }

    /// Puts a page together from the records that were found in order, of which one more than the
    /// limit was asked for. `read_up_to`: where reading stopped early, if it did.
    pub fn page(&self, mut found: Vec<RecordedTransaction>, read_up_to: Option<Position>) -> Page {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let end = if found.len() > limit {
            found.truncate(limit);
            found.last().map(Position::of)
        } else {
            read_up_to
        };
        let cursor = end.map(|end| cursor::write(&end, &self.series));
        Page { transactions: found, cursor }
    }
}

impl Position {
    fn of(transaction: &RecordedTransaction) -> Self {
        Self {
            timestamp: transaction.timestamp.clone(),
            idempotent_key: transaction.idempotent_key.clone(),
        }
    }
}

impl Order {
    fn validate(value: &Value) -> Result<Self, BalanceError> {
        match value {
            Value::Undefined => Ok(Self::Newest),
            Value::Text(text) if text == "newest" => Ok(Self::Newest),
            Value::Text(text) if text == "oldest" => Ok(Self::Oldest),
            _ => Err(invalid_input("order must be either \"newest\" or \"oldest\"")),
        }
    }
}

impl Range {
    fn validate(from: &Value, to: &Value) -> Result<Self, BalanceError> {
        let range = Self { from: validate_instant("from", from)?, to: validate_instant("to", to)? };
        match (&range.from, &range.to) {
            (Some(from), Some(to)) if from > to => Err(invalid_input("from must not be after to")),
            _ => Ok(range),
        }
    }
}

fn validate_instant(name: &str, value: &Value) -> Result<Option<String>, BalanceError> {
    match value {
        Value::Undefined => Ok(None),
        Value::Number(milliseconds) if milliseconds.is_finite() => Ok(Some(bound(*milliseconds))),
        _ => Err(invalid_input(&format!("{name} must be a valid Date"))),
    }
}

/// No record is older than 1970 or younger than the year 9999.
fn bound(milliseconds: f64) -> String {
    let within = milliseconds.clamp(0.0, LAST_MILLISECOND);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within")]
    let instant = UNIX_EPOCH + Duration::from_millis(within as u64);
    let text = humantime::format_rfc3339_millis(instant).to_string();
    text.trim_end_matches('Z').to_owned()
}

fn validate_limit(value: &Value) -> Result<u32, BalanceError> {
    let expected = format!("limit must be a whole number from 1 to {MAX_LIMIT}");
    match value {
        Value::Undefined => Ok(DEFAULT_LIMIT),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within")]
        Value::Number(limit)
            if limit.fract() == 0.0 && (1.0..=f64::from(MAX_LIMIT)).contains(limit) =>
        {
            Ok(*limit as u32)
        }
        Value::Number(limit) => Err(invalid_input(&format!("{expected}, not {}", spell(*limit)))),
        other => Err(invalid_input(&format!("{expected}, not {}", other.kind()))),
    }
}

fn invalid_input(complaint: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::InvalidInput,
        format!("Invalid input: {complaint}. Nothing was sent."),
    )
}

#[cfg(test)]
mod tests;
