//! The index that a history is read from: the records of each user by their time. All of a user are
//! one partition, which takes as much as an item does; while it is busy, the table takes no records
//! of that user.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::time::Instant;

use serde_json::json;

use super::Refusal;
use super::capacity::{Capacity, index_units, read_units};
use super::expression::is_met;
use super::request::{Condition, Query};
use super::state::{ItemId, RECORDS, State};
use super::value::{AttributeValue, Item, size};
use crate::http::Answer;

pub const INDEX: &str = "UserHistory";

/// As much as DynamoDB reads for one answer.
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub struct Index {
    partitions: HashMap<String, Partition>,
}

#[derive(Debug)]
struct Partition {
    /// Timestamp and key of each record.
    records: BTreeSet<(String, String)>,
    capacity: Capacity,
}

impl Index {
    /// Whether the records of this user have to wait.
    pub fn is_busy(&mut self, record: &Item, now: Instant) -> bool {
        text(record, "userId")
            .is_some_and(|user| !self.partition(user, now).capacity.can_write(now))
    }

    /// Takes a record, and says for how many units. One without user or time is not in it.
    pub fn write(&mut self, record: &Item, now: Instant) -> u32 {
        let (Some(user), Some(position)) = (text(record, "userId"), position(record)) else {
            return 0;
        };
        let units = index_units(size(record));
        let partition = self.partition(user, now);
        partition.records.insert(position);
        partition.capacity.write(units);
        units
    }

    fn partition(&mut self, user: &str, now: Instant) -> &mut Partition {
        if !self.partitions.contains_key(user) {
            let partition = Partition { records: BTreeSet::new(), capacity: Capacity::new(now) };
            self.partitions.insert(user.to_owned(), partition);
        }
        self.partitions.get_mut(user).expect("it is there or was just made")
    }
}

impl State {
    pub fn query(&mut self, query: &Query, now: Instant) -> Result<Answer, Refusal> {
        if query.table_name != RECORDS {
            let message = format!("no table {} to query", query.table_name);
            return Err(Refusal::Error { code: "ResourceNotFoundException", message });
        }
        let Some(index) = self.index.as_mut().filter(|_| query.index_name == INDEX) else {
            let message = "The table does not have the specified index: ";
            return Err(Refusal::validation(format!("{message}{}", query.index_name)));
        };
        let condition = query.condition();
        let user = user_of(&condition)?;
        let partition = index.partition(&user, now);
        if !partition.capacity.can_read(now) {
            self.statistics.throttled += 1;
            return Err(Refusal::Error {
                code: "ProvisionedThroughputExceededException",
                message: "more than 3,000 units of reading a second on one user".to_owned(),
            });
        }
        let start = query.exclusive_start_key.as_ref().map(|key| {
            position(key).ok_or_else(|| Refusal::validation("the starting key has no position"))
        });
        let positions = in_order(&partition.records, start.transpose()?, query.is_forward());
        let (mut items, mut bytes, mut is_cut_short) = (Vec::new(), 0, false);
        for (_, key) in positions {
            let id = ItemId { table: RECORDS, key: key.clone() };
            let Some(item) = self.slots.get(&id).and_then(|slot| slot.item.as_ref()) else {
                continue;
            };
            if is_met(&condition, Some(item))? {
                items.push(item.clone());
                bytes += size(item);
            }
            is_cut_short = items.len() >= query.limit || bytes >= MOST_BYTES;
            if is_cut_short {
                break;
            }
        }
        let units = read_units(bytes, false);
        partition.capacity.read(units);
        self.statistics.read_units += units;
        self.statistics.items_read += items.len() as u64;
        let last = items.last().filter(|_| is_cut_short).map(key_of);
        Ok(Answer::ok(match last {
            Some(last) => json!({ "Items": items, "LastEvaluatedKey": last }).to_string(),
            None => json!({ "Items": items }).to_string(),
        }))
    }
}

fn in_order(
    records: &BTreeSet<(String, String)>,
    start: Option<(String, String)>,
    is_forward: bool,
) -> Box<dyn Iterator<Item = &(String, String)> + '_> {
    let start = start.map_or(Bound::Unbounded, Bound::Excluded);
    if is_forward {
        Box::new(records.range((start, Bound::Unbounded)))
    } else {
        Box::new(records.range((Bound::Unbounded, start)).rev())
    }
}

/// What `userId` has to be, which comes first in what the model reads.
fn user_of(condition: &Condition) -> Result<String, Refusal> {
    let expression = condition.condition_expression.as_deref().unwrap_or_default();
    let mut words = expression.split_whitespace();
    let value = match (words.next(), words.next(), words.next()) {
        (Some("userId"), Some("="), Some(name)) => condition.expression_attribute_values.get(name),
        _ => None,
    };
    let user = value.and_then(AttributeValue::text).map(str::to_owned);
    user.ok_or_else(|| Refusal::validation(format!("the model finds no user in {expression:?}")))
}

fn position(record: &Item) -> Option<(String, String)> {
    Some((text(record, "timestamp")?.to_owned(), text(record, "idempotentKey")?.to_owned()))
}

fn key_of(record: &Item) -> Item {
    let names = ["userId", "timestamp", "idempotentKey"];
    names.iter().filter_map(|&name| Some((name.to_owned(), record.get(name)?.clone()))).collect()
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(AttributeValue::text)
}
