//! A DynamoDB that keeps nothing and answers at once, so that what is measured is the peer.

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::{Answer, Call};

const BALANCE: &str = r#""balance":{"N":"100"}"#;

/// The names are those of DynamoDB's JSON.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchGetItem<'a> {
    #[serde(borrow)]
    request_items: HashMap<&'a str, KeysOfTable<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeysOfTable<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

pub fn answer(call: &Call) -> Answer {
    match call.operation.as_str() {
        // No key was ever used, every user has a balance.
        "GetItem" if asks_for_record(&call.body) => Answer::ok("{}"),
        "GetItem" => Answer::ok(r#"{"Item":{"balance":{"N":"100"}}}"#),
        "BatchGetItem" => match serde_json::from_slice::<BatchGetItem>(&call.body) {
            Ok(batch) => Answer::ok(balances(&batch)),
            Err(error) => Answer::error("SerializationException", &error.to_string()),
        },
        "TransactWriteItems" => Answer::ok("{}"),
        operation => Answer::error("UnknownOperationException", operation),
    }
}

fn asks_for_record(body: &Bytes) -> bool {
    let table = br#""TableName":"Transactions""#;
    body.windows(table.len()).any(|window| window == table)
}

/// An item for each key: the key with a balance added, as text, since this is no part of what is
/// measured.
fn balances(batch: &BatchGetItem) -> String {
    let tables: Vec<_> = batch
        .request_items
        .iter()
        .map(|(table, KeysOfTable { keys })| format!(r#""{table}":[{}]"#, items(keys)))
        .collect();
    format!(r#"{{"Responses":{{{}}},"UnprocessedKeys":{{}}}}"#, tables.join(","))
}

fn items(keys: &[&RawValue]) -> String {
    let items: Vec<_> = keys
        .iter()
        .filter_map(|key| key.get().strip_suffix('}'))
        .map(|key| format!("{key},{BALANCE}}}"))
        .collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, body: &'static str) -> Call {
        Call { path: "/".into(), operation: operation.into(), body: body.into() }
    }

    fn body(answer: &Answer) -> serde_json::Value {
        serde_json::from_slice(&answer.body).unwrap()
    }

    #[test]
    fn every_user_has_a_balance_and_no_key_was_used() {
        let balance = answer(&call("GetItem", r#"{"TableName":"UserBalances"}"#));
        assert_eq!(body(&balance), serde_json::json!({"Item": {"balance": {"N": "100"}}}));
        let record = answer(&call("GetItem", r#"{"TableName":"Transactions"}"#));
        assert_eq!(body(&record), serde_json::json!({}));
    }

    #[test]
    fn a_batch_has_an_item_for_each_key() {
        let batch = r#"{"RequestItems":{"UserBalances":{"Keys":
            [{"userId":{"S":"a"}},{"userId":{"S":"b"}}],"ConsistentRead":true}}}"#;
        let item = |user: &str| serde_json::json!({"userId": {"S": user}, "balance": {"N": "100"}});
        assert_eq!(
            body(&answer(&call("BatchGetItem", batch))),
            serde_json::json!({
                "Responses": {"UserBalances": [item("a"), item("b")]},
                "UnprocessedKeys": {},
            })
        );
    }

    #[test]
    fn what_it_does_not_know_is_an_error() {
        assert_eq!(answer(&call("Scan", "{}")).status, 400);
        assert_eq!(answer(&call("BatchGetItem", "[]")).status, 400);
    }
}
