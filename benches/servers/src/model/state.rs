//! The two tables, and what happened to them.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::Refusal;
use super::capacity::Capacity;
use super::index::Index;
use super::request::Request;
use super::transaction::Tokens;
use super::value::{AttributeValue, Item};
use crate::http::Answer;

pub const BALANCES: &str = "UserBalances";
pub const RECORDS: &str = "Transactions";

/// Past so many items a run is told to be too long, instead of taking all memory.
const MOST_ITEMS: usize = 5_000_000;

#[derive(Debug, Default)]
pub struct State {
    pub slots: HashMap<ItemId, Slot>,
    /// Only where it is asked for: it has its price.
    pub index: Option<Index>,
    pub tokens: Tokens,
    pub statistics: Statistics,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ItemId {
    pub table: &'static str,
    pub key: String,
}

/// The place of an item, whether or not there is one.
#[derive(Debug)]
pub struct Slot {
    pub item: Option<Item>,
    pub capacity: Capacity,
    /// Until then it belongs to a transaction.
    pub taken_until: Instant,
}

/// All of it since the start.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    pub requests: u64,
    /// Transactions that arrived, whatever became of them.
    pub attempts: u64,
    /// Requests that wrote; one may carry many records.
    pub committed: u64,
    pub records: u64,
    pub conflicts: u64,
    pub throttled: u64,
    pub write_units: u64,
    pub read_units: f64,
    pub items_read: u64,
}

impl State {
    pub fn carry_out(
        &mut self,
        request: Request,
        now: Instant,
        answered: Instant,
    ) -> Result<Answer, Refusal> {
        self.statistics.requests += 1;
        if self.slots.len() > MOST_ITEMS {
            return Err(Refusal::validation(format!("the model holds {MOST_ITEMS} items")));
        }
        match request {
            Request::Get(get) => self.get(&get, now),
            Request::BatchGet(batch) => self.batch_get(batch, now),
            Request::Query(query) => self.query(&query, now),
            Request::Write(transaction) => {
                self.statistics.attempts += 1;
                self.transact(&transaction, now, answered)
            }
        }
    }

    pub fn slot(&mut self, id: &ItemId, now: Instant) -> &mut Slot {
        if !self.slots.contains_key(id) {
            let slot = Slot { item: None, capacity: Capacity::new(now), taken_until: now };
            self.slots.insert(id.clone(), slot);
        }
        self.slots.get_mut(id).expect("it is there or was just made")
    }
}

impl ItemId {
    /// The identity of an item, from the item or its key.
    pub fn of(table: &str, item: &Item) -> Result<Self, Refusal> {
        let (table, attribute) = match table {
            BALANCES => (BALANCES, "userId"),
            RECORDS => (RECORDS, "idempotentKey"),
            _ => {
                let message = format!("no table {table}");
                return Err(Refusal::Error { code: "ResourceNotFoundException", message });
            }
        };
        let key = item.get(attribute).and_then(AttributeValue::text);
        let key = key.ok_or_else(|| Refusal::validation(format!("no key {attribute}")))?;
        Ok(Self { table, key: key.to_owned() })
    }
}
