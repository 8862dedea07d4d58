//! `GetItem` and `BatchGetItem`. A read sees what was committed, whoever is at work on the item.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::json;

use super::Refusal;
use super::capacity::read_units;
use super::request::{BatchGetItem, GetItem, Keys, View};
use super::state::{ItemId, State};
use super::value::{Item, size};
use crate::http::Answer;

/// As many as DynamoDB takes.
const MOST_KEYS: usize = 100;

impl State {
    pub fn get(&mut self, get: &GetItem, now: Instant) -> Result<Answer, Refusal> {
        let id = ItemId::of(&get.table_name, &get.key)?;
        let item = self.read(&id, &get.view, now)?;
        Ok(Answer::ok(match item {
            Some(item) => json!({ "Item": item }).to_string(),
            None => "{}".to_owned(),
        }))
    }

    pub fn batch_get(&mut self, batch: BatchGetItem, now: Instant) -> Result<Answer, Refusal> {
        let mut responses = HashMap::new();
        let mut unprocessed = HashMap::new();
        let mut seen = HashSet::new();
        let mut throttled = None;
        for (table, Keys { keys, view }) in batch.request_items {
            let mut items = Vec::new();
            let mut left = Vec::new();
            for key in keys {
                let id = ItemId::of(&table, &key)?;
                if !seen.insert(id.clone()) || seen.len() > MOST_KEYS {
                    return Err(Refusal::validation("100 keys at most, and each of them once"));
                }
                match self.read(&id, &view, now) {
                    Ok(item) => items.extend(item),
                    Err(refusal) => {
                        throttled = Some(refusal);
                        left.push(key);
                    }
                }
            }
            if !left.is_empty() {
                unprocessed.insert(table.clone(), Keys { keys: left, view });
            }
            responses.insert(table, items);
        }
        let left: usize = unprocessed.values().map(|table: &Keys| table.keys.len()).sum();
        match throttled {
            Some(refusal) if left == seen.len() => Err(refusal),
            _ => {
                let answer = json!({ "Responses": responses, "UnprocessedKeys": unprocessed });
                Ok(Answer::ok(answer.to_string()))
            }
        }
    }

    fn read(&mut self, id: &ItemId, view: &View, now: Instant) -> Result<Option<Item>, Refusal> {
        let slot = self.slot(id, now);
        if !slot.capacity.can_read(now) {
            self.statistics.throttled += 1;
            return Err(Refusal::Error {
                code: "ProvisionedThroughputExceededException",
                message: "more than 3,000 units of reading a second on one item".to_owned(),
            });
        }
        let units = read_units(slot.item.as_ref().map_or(0, size), view.consistent_read);
        slot.capacity.read(units);
        let item = slot.item.as_ref().map(|item| projected(item, view));
        self.statistics.read_units += units;
        self.statistics.items_read += 1;
        Ok(item)
    }
}

fn projected(item: &Item, view: &View) -> Item {
    let Some(projection) = &view.projection_expression else { return item.clone() };
    projection
        .split(',')
        .map(str::trim)
        .map(|name| view.expression_attribute_names.get(name).map_or(name, String::as_str))
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())))
        .collect()
}
