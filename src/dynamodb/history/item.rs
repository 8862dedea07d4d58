//! A record as the index has it. Others may have written it: what can be told of it is told, and
//! what is wrong with it as well.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::core::history::{Index, Position, RecordedTransaction};
use crate::dynamodb::fault;
use crate::money::Decimal;
use crate::store::{Fault, HoldState, HoldStatus};

type Item = HashMap<String, AttributeValue>;

pub fn read(item: &Item) -> RecordedTransaction {
    let mut complaints = Vec::new();
    let amount = amount(item, &mut complaints);
    let transaction_type = text(item, "type");
    if !matches!(transaction_type.as_str(), "credit" | "debit") {
        complaints.push("type must be either \"credit\" or \"debit\"");
    }
    let timestamp = text(item, "timestamp");
    if humantime::parse_rfc3339(&timestamp).is_err() {
        complaints.push("timestamp must be a time in ISO 8601 and UTC");
    }
    let metadata = metadata(item, &mut complaints);
    let hold = hold(item, &mut complaints);
    RecordedTransaction {
        idempotent_key: text(item, "idempotentKey"),
        user_id: text(item, "userId"),
        amount,
        transaction_type,
        timestamp,
        metadata,
        hold,
        returned_from: optional(item, "hold"),
        malformed: (!complaints.is_empty()).then(|| complaints.join("; ")),
    }
}

/// Where DynamoDB stopped reading.
pub fn position(key: &Item, index: Index) -> Result<Position, Fault> {
    let part = |name| {
        let text = key.get(name).and_then(|value| value.as_s().ok()).cloned();
        text.ok_or_else(|| fault::unreadable("its LastEvaluatedKey has no position"))
    };
    Ok(Position { sort: part(index.sort_key())?, idempotent_key: part("idempotentKey")? })
}

fn amount(item: &Item, complaints: &mut Vec<&'static str>) -> String {
    const EXPECTED: &str = "amount must be a number greater than 0";
    let Some(AttributeValue::N(number)) = item.get("amount") else {
        complaints.push(EXPECTED);
        return text(item, "amount");
    };
    // What DynamoDB cannot have stored is not spelt out: it could have any number of digits.
    let Some(amount) = Decimal::parse(number).filter(Decimal::is_storable) else {
        complaints.push(EXPECTED);
        return number.clone();
    };
    if !amount.is_positive() {
        complaints.push(EXPECTED);
    }
    amount.to_plain_string()
}

/// In the order of its names, which DynamoDB does not keep.
fn metadata(item: &Item, complaints: &mut Vec<&'static str>) -> Option<Vec<(String, String)>> {
    const EXPECTED: &str = "metadata must be a map of strings";
    let attribute = item.get("metadata")?;
    let Ok(map) = attribute.as_m() else {
        complaints.push(EXPECTED);
        return None;
    };
    let mut entries = map
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone())))
        .collect::<Vec<_>>();
    entries.sort();
    if entries.len() < map.len() {
        complaints.push(EXPECTED);
    }
    Some(entries)
}

fn hold(item: &Item, complaints: &mut Vec<&'static str>) -> Option<Box<HoldStatus>> {
    let state = item.get("holdState")?;
    let Some(state) = state.as_s().ok().and_then(|state| HoldState::parse(state)) else {
        complaints.push("holdState must be open, captured or released");
        return None;
    };
    let captured = item.get("capturedAmount").and_then(|value| value.as_n().ok());
    Some(Box::new(HoldStatus {
        state,
        expires_at: optional(item, "expiresAt"),
        captured: captured.and_then(|number| Decimal::parse(number)).filter(Decimal::is_storable),
        closed_by: optional(item, "closedBy"),
        closing_call: optional(item, "closingCallId"),
    }))
}

/// Empty where the attribute is missing, or no text.
pub fn text(item: &Item, name: &str) -> String {
    optional(item, name).unwrap_or_default()
}

fn optional(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

#[cfg(test)]
mod tests;
