//! The history of a user: which transactions are asked for, and what is told of each.

pub mod cursor;

use std::time::{Duration, UNIX_EPOCH};

use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::store::{ExistingRecord, HoldStatus};
use crate::transaction::{IdempotentKey, UserId};
use crate::value::{Value, spell};

/// An index of the table of transactions, for those who ask for it. Its partition key is `userId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// All records of a user, by time.
    UserHistory,
    /// The open holds of a user, by when they expire. Only they have its sort key.
    OpenHolds,
}

impl Index {
    pub const ALL: [Self; 2] = [Self::UserHistory, Self::OpenHolds];

    pub fn name(self) -> &'static str {
        match self {
            Self::UserHistory => "UserHistory",
            Self::OpenHolds => "OpenHolds",
        }
    }

    pub fn sort_key(self) -> &'static str {
        match self {
            Self::UserHistory => "timestamp",
            Self::OpenHolds => "openUntil",
        }
    }

    /// The option of `createTables` that adds it.
    pub fn option(self) -> &'static str {
        match self {
            Self::UserHistory => "history",
            Self::OpenHolds => "holds",
        }
    }

    pub fn position_of(self, transaction: &RecordedTransaction) -> Position {
        let sort = match (self, &transaction.hold) {
            (Self::OpenHolds, Some(hold)) => hold.open_until().to_owned(),
            (Self::UserHistory, _) | (Self::OpenHolds, None) => transaction.timestamp.clone(),
        };
        Position { sort, idempotent_key: transaction.idempotent_key.clone() }
    }
}

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
    pub index: Index,
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

/// Where a record stands among those of its user in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub sort: String,
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
    /// `None` for what is no hold.
    pub hold: Option<Box<HoldStatus>>,
    /// The key of the hold that this gives something back of.
    pub returned_from: Option<String>,
    /// What is wrong with it.
    pub malformed: Option<String>,
}

impl RecordedTransaction {
    /// A record that this package has written, or could have.
    pub fn of(key: &IdempotentKey, record: ExistingRecord) -> Self {
        Self {
            idempotent_key: key.as_str().to_owned(),
            user_id: record.user_id.unwrap_or_default(),
            amount: record.amount.as_ref().map(Decimal::to_plain_string).unwrap_or_default(),
            transaction_type: record.transaction_type.unwrap_or_default(),
            timestamp: record.timestamp.unwrap_or_default(),
            metadata: record.metadata.map(|entries| entries.into_iter().collect()),
            hold: record.hold,
            returned_from: record.returned_from,
            malformed: None,
        }
    }
}

impl From<&RecordedTransaction> for ExistingRecord {
    fn from(told: &RecordedTransaction) -> Self {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            user_id: text(&told.user_id),
            amount: Decimal::parse(&told.amount),
            transaction_type: text(&told.transaction_type),
            timestamp: text(&told.timestamp),
            metadata: told.metadata.clone().map(|entries| entries.into_iter().collect()),
            call_id: None,
            place: None,
            hold: told.hold.clone(),
            returned_from: told.returned_from.clone(),
        }
    }
}

/// A page as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub transactions: Vec<RecordedTransaction>,
    /// Leads to the next page; `None`: this was the last one.
    pub cursor: Option<String>,
}

/// A page of the open holds of all users that have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// ISO 8601: those that were to be captured by then.
    pub until: String,
    /// Where the page before has ended: the user and the place among the user's.
    pub after: Option<(String, Position)>,
}

/// What was found, and how far it was looked: `None` if to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredPage {
    pub holds: Vec<RecordedTransaction>,
    pub read_up_to: Option<(String, Position)>,
}

impl Listing {
    pub fn validate(unchecked: UncheckedListing) -> Result<Self, BalanceError> {
        let series = Series {
            index: Index::UserHistory,
            user_id: UserId::validate_for_balance(unchecked.user_id)?,
            range: Range::validate(&unchecked.from, &unchecked.to)?,
            order: Order::validate(&unchecked.order)?,
        };
        Self::of(series, &unchecked.limit, &unchecked.cursor)
    }

    /// Of the open holds of a user; the one that expires first comes first.
    pub fn validate_holds(
        user_id: Value,
        limit: &Value,
        cursor: &Value,
    ) -> Result<Self, BalanceError> {
        let series = Series {
            index: Index::OpenHolds,
            user_id: UserId::validate_for_balance(user_id)?,
            range: Range::default(),
            order: Order::Oldest,
        };
        Self::of(series, limit, cursor)
    }

    fn of(series: Series, limit: &Value, cursor: &Value) -> Result<Self, BalanceError> {
        let limit = validate_limit(limit)?;
        let after = match cursor {
            Value::Undefined => None,
            cursor => Some(cursor::read(cursor, &series)?),
        };
        Ok(Self { series, limit, after })
    }

    /// Puts a page together from the records that were found in order, of which one more than the
    /// limit was asked for. `read_up_to`: where reading stopped early, if it did.
    pub fn page(&self, mut found: Vec<RecordedTransaction>, read_up_to: Option<Position>) -> Page {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let end = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|last| self.series.index.position_of(last))
        } else {
            read_up_to
        };
        let cursor = end.map(|end| cursor::write(&end, &self.series));
        Page { transactions: found, cursor }
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
    timestamp_of(within).unwrap_or_default().trim_end_matches('Z').to_owned()
}

/// A time as records have it; `None` before 1970 and after the year 9999.
pub fn timestamp_of(milliseconds: f64) -> Option<String> {
    if !(0.0..=LAST_MILLISECOND).contains(&milliseconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within")]
    let instant = UNIX_EPOCH + Duration::from_millis(milliseconds as u64);
    Some(humantime::format_rfc3339_millis(instant).to_string())
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
