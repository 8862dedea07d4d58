//! Whether the books are true: each balance is the default and the sum of its user's records.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use serde::Serialize;

use super::state::{BALANCES, RECORDS, State};
use super::value::{AttributeValue, Item};

const DEFAULT_BALANCE: u32 = 100;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    pub users: usize,
    pub records: usize,
    /// Users whose balance is not what their records say.
    pub wrong: usize,
    /// How much is wrong about all of them, each taken as positive.
    pub difference: String,
}

pub fn check(state: &State) -> Audit {
    let mut users: HashMap<&str, BigDecimal> = HashMap::new();
    let mut records = 0;
    for (id, slot) in &state.slots {
        let Some(item) = &slot.item else { continue };
        match id.table {
            RECORDS => {
                records += 1;
                *users.entry(text(item, "userId")).or_default() += moved(item);
            }
            BALANCES => {
                let stored = item.get("balance").and_then(AttributeValue::number);
                let stored = stored.unwrap_or_else(|| DEFAULT_BALANCE.into());
                *users.entry(&id.key).or_default() -= stored - BigDecimal::from(DEFAULT_BALANCE);
            }
            _ => {}
        }
    }
    let zero = BigDecimal::from(0);
    let wrong: Vec<_> = users.values().filter(|difference| **difference != zero).collect();
    Audit {
        users: users.len(),
        records,
        wrong: wrong.len(),
        difference: wrong
            .iter()
            .map(|difference| difference.abs())
            .sum::<BigDecimal>()
            .to_plain_string(),
    }
}

fn moved(record: &Item) -> BigDecimal {
    let amount = record.get("amount").and_then(AttributeValue::number).unwrap_or_default();
    if text(record, "type") == "debit" { -amount } else { amount }
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(AttributeValue::text).unwrap_or_default()
}
