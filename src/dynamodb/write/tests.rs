use super::*;
use crate::core::epoch::Epoch;
use crate::dynamodb::tests::{attempt, database, record, server, write_of};
use crate::store::Store as _;

const CANCELLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"None"},{"Code":"None"},{"Code":"TransactionConflict"}]}"#;

const OUT_OF_RANGE: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"None"},{"Code":"None"},{"Code":"ValidationError","Message":"Number overflow"}]}"#;

const SECOND_IS_TAKEN: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"callId":{"S":"c"}}}]}"#;

/// Two records of one user, made by one call or by two.
fn write(is_group: bool) -> Write {
    let first = record(1.0, "credit");
    let mut second = record(2.0, "debit");
    if is_group {
        second.call_id = first.call_id;
    }
    write_of(vec![first, second], Epoch::parse("1700000000000").unwrap())
}

fn token(request: u32) -> Token {
    Token { batch: 7, request }
}

/// The client tokens and the bodies of requests that are answered like this, one with each of these
/// tokens.
async fn requests(tokens: &[Token], answers: Vec<(u16, &'static str)>) -> Vec<(String, String)> {
    let count = answers.len();
    let (endpoint, arrived) = server(answers);
    let database = database(&endpoint);
    let write = write(false);
    for token in tokens {
        // What it comes to is another test's business.
        drop(database.write(&write, *token, &attempt()).await);
    }
    let token = |body: &str| -> String {
        let token = body.split("\"ClientRequestToken\":\"").nth(1).unwrap();
        token.split('"').next().unwrap().to_owned()
    };
    arrived.iter().take(count).map(|it| (token(&it.body), it.body)).collect()
}

#[tokio::test]
async fn the_same_token_is_the_same_bytes() {
    let oops = r#"{"__type":"InternalServerError"}"#;
    let answers = vec![(500, oops), (200, ""), (502, "<html>"), (200, "{}")];
    let requests = requests(&[token(0); 4], answers).await;
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
}

#[tokio::test]
async fn another_token_is_another_request_with_the_same_content() {
    let requests = requests(&[token(0), token(1)], vec![(400, CANCELLED), (200, "{}")]).await;
    let [(first_token, first), (second_token, second)] = requests.as_slice() else {
        panic!("two requests: {requests:?}");
    };
    assert_ne!(first_token, second_token);
    assert_eq!(first.replace(first_token, ""), second.replace(second_token, ""));
}

#[tokio::test]
async fn before_a_group_is_out_of_range_its_keys_are_looked_for() {
    let (endpoint, arrived) = server(vec![(400, OUT_OF_RANGE), (400, SECOND_IS_TAKEN)]);
    let answer = database(&endpoint).write(&write(true), token(0), &attempt()).await;
    let Ok(WriteAnswer::Refused(refusal)) = answer else { panic!("{answer:?}") };
    assert!(refusal.has_taken_key());
    let looked = arrived.iter().nth(1).unwrap().body;
    assert!(!looked.contains("\"Put\"") && !looked.contains("\"Update\""), "{looked}");
}

#[tokio::test]
async fn a_group_whose_keys_are_free_is_out_of_range() {
    let (endpoint, _arrived) = server(vec![(400, OUT_OF_RANGE), (200, "{}")]);
    let answer = database(&endpoint).write(&write(true), token(0), &attempt()).await;
    let Err(Fault::Rejected(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(error.code, ErrorCode::AmountOutOfRange);
}

#[tokio::test]
async fn nobody_looks_for_the_keys_of_several_calls() {
    let (endpoint, arrived) = server(vec![(400, OUT_OF_RANGE)]);
    let answer = database(&endpoint).write(&write(false), token(0), &attempt()).await;
    assert!(matches!(answer, Err(Fault::Rejected(_))), "{answer:?}");
    assert_eq!(arrived.iter().count(), 1);
}
