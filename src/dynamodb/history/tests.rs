use std::future::pending;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::super::tests::{database, server};
use super::*;
use crate::core::history::UncheckedListing;
use crate::error::ErrorCode;
use crate::store::{Exchange, Journal};
use crate::value::Value;

const NO_INDEX: &str = concat!(
    r#"{"__type":"com.amazon.coral.validate#ValidationException","#,
    r#""message":"The table does not have the specified index: UserHistory"}"#
);
const BACKFILLING: &str = concat!(
    r#"{"__type":"com.amazon.coral.validate#ValidationException","#,
    r#""message":"Cannot read from backfilling global secondary index: UserHistory"}"#
);
const ONE_ITEM: &str = concat!(
    r#"{"Items":[{"idempotentKey":{"S":"key-1"},"userId":{"S":"user-1"},"amount":{"N":"1"},"#,
    r#""type":{"S":"credit"},"timestamp":{"S":"2024-05-06T07:08:09.010Z"}}],"Count":1}"#
);

const CUT_SHORT: &str = concat!(
    r#"{"Items":[],"LastEvaluatedKey":{"idempotentKey":{"S":"key-1"},"userId":{"S":"user-1"},"#,
    r#""timestamp":{"S":"2024-05-06T07:08:09.010Z"}}}"#
);

fn listing(from: Value, to: Value, cursor: Value) -> Listing {
    Listing::validate(UncheckedListing {
        user_id: Value::Text("user-1".to_owned()),
        from,
        to,
        order: Value::Text("oldest".to_owned()),
        limit: Value::Number(1.0),
        cursor,
    })
    .unwrap()
}

/// Nobody follows the attempts.
struct Unreported;

impl Reporter for Unreported {
    fn begin(&self, _journal: &Journal) {}

    fn end(&self, _exchanges: &[Exchange]) {}
}

fn first_page() -> Listing {
    listing(Value::Undefined, Value::Undefined, Value::Undefined)
}

async fn list(endpoint: &str, listing: Listing) -> Result<Page, BalanceError> {
    database(endpoint).history().read(listing, pending(), &Unreported).await
}

#[tokio::test]
async fn a_page_is_one_query_on_the_index() {
    let (endpoint, arrived) = server(vec![(200, ONE_ITEM)]);
    let page = list(&endpoint, first_page()).await.unwrap();
    assert_eq!(page.transactions.len(), 1);
    assert_eq!(page.cursor, None);
    let request = arrived.recv().unwrap();
    assert!(request.headers.contains("x-amz-target: dynamodb_20120810.query\r\n"));
    for part in [
        r#""TableName":"Movements""#,
        r#""IndexName":"UserHistory""#,
        r#""Limit":2"#,
        r#""ScanIndexForward":true"#,
        r#"":user":{"S":"user-1"}"#,
    ] {
        assert!(request.body.contains(part), "{}", request.body);
    }
    assert!(!request.body.contains("ConsistentRead"), "an index cannot be read consistently");
}

#[tokio::test]
async fn a_range_and_a_cursor_are_part_of_the_query() {
    let first = listing(Value::Number(0.0), Value::Number(1.0), Value::Undefined);
    let (endpoint, _arrived) = server(vec![(200, CUT_SHORT)]);
    let cursor = list(&endpoint, first).await.unwrap().cursor.unwrap();

    let (endpoint, arrived) = server(vec![(200, r#"{"Items":[]}"#)]);
    let second = listing(Value::Number(0.0), Value::Number(1.0), Value::Text(cursor));
    let page = list(&endpoint, second).await.unwrap();
    assert_eq!(page, Page { transactions: vec![], cursor: None });
    let body = arrived.recv().unwrap().body;
    for part in [
        "BETWEEN :from AND :to",
        r#"":from":{"S":"1970-01-01T00:00:00.000"}"#,
        r#"":to":{"S":"1970-01-01T00:00:00.001"}"#,
        r#""ExclusiveStartKey":{"#,
        r#""idempotentKey":{"S":"key-1"}"#,
    ] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn a_missing_index_is_told_with_how_to_add_it() {
    let (endpoint, _arrived) = server(vec![(400, NO_INDEX)]);
    let error = list(&endpoint, first_page()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::IndexNotFound);
    assert!(error.message.contains("createTables({ history: true })"), "{}", error.message);
}

#[tokio::test]
async fn an_index_that_is_being_built_is_told_with_how_to_wait() {
    let (endpoint, _arrived) = server(vec![(400, BACKFILLING)]);
    let error = list(&endpoint, first_page()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::IndexNotFound);
    assert!(error.message.contains("still being built"), "{}", error.message);
    assert!(error.message.contains("waits until"), "{}", error.message);
}

#[tokio::test]
async fn whoever_cancels_is_told_that_nothing_happened() {
    let history = database("http://127.0.0.1:9").history();
    let error = history.read(first_page(), async {}, &Unreported).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.contains("the call was cancelled"), "{}", error.message);
}

#[tokio::test]
async fn pages_past_those_in_flight_wait_for_their_turn_until_their_deadline() {
    let history = database("http://127.0.0.1:9").history();
    let user_id = first_page().series.user_id;
    let mut busy =
        Box::pin(join_all((0..100).map(|_| history.turns.run(&user_id, pending::<()>()))));
    assert!(busy.as_mut().now_or_never().is_none());
    let error = history.read(first_page(), pending(), &Unreported).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.contains("waiting for its turn"), "{}", error.message);
}
