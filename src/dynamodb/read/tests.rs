use super::super::tests::{attempt, database, server};
use super::*;
use crate::money::Decimal;
use crate::store::Store as _;
use crate::value::Value;

fn user(user_id: &str) -> UserId {
    UserId::validate_for_balance(Value::Text(user_id.to_owned())).unwrap()
}

fn number(number: &str) -> StoredBalance {
    StoredBalance::Number(Decimal::parse(number).unwrap())
}

/// What reading the balances of a, b and c means when this is the answer.
async fn read_three(answer: &'static str) -> Result<HashMap<UserId, StoredBalance>, Fault> {
    let (endpoint, _arrived) = server(vec![(200, answer)]);
    database(&endpoint).read(&["a", "b", "c"].map(user), &attempt()).await
}

#[tokio::test]
async fn one_user_is_one_consistent_get_item() {
    let (endpoint, arrived) = server(vec![(200, r#"{"Item":{"balance":{"N":"0.1"}}}"#)]);
    let balances = database(&endpoint).read(&[user("a")], &attempt()).await;
    assert_eq!(balances, Ok(HashMap::from([(user("a"), number("0.1"))])));
    let request = arrived.recv().unwrap();
    assert!(request.headers.contains("x-amz-target: dynamodb_20120810.getitem\r\n"));
    assert!(request.headers.contains("authorization: aws4-hmac-sha256 credential=key/"));
    for part in [
        r#""TableName":"Balances""#,
        r#""Key":{"userId":{"S":"a"}}"#,
        r#""ConsistentRead":true"#,
        r#""ProjectionExpression":"balance""#,
    ] {
        assert!(request.body.contains(part), "{}", request.body);
    }
}

#[tokio::test]
async fn a_user_without_an_item_has_no_balance() {
    let (endpoint, _arrived) = server(vec![(200, "{}")]);
    let balances = database(&endpoint).read(&[user("a")], &attempt()).await;
    assert_eq!(balances, Ok(HashMap::from([(user("a"), StoredBalance::Absent)])));
}

#[tokio::test]
async fn several_users_are_one_consistent_batch_get_item() {
    let (endpoint, arrived) = server(vec![(200, r#"{"Responses":{"Balances":[]}}"#)]);
    database(&endpoint).read(&["a", "b"].map(user), &attempt()).await.unwrap();
    let request = arrived.recv().unwrap();
    assert!(request.headers.contains("x-amz-target: dynamodb_20120810.batchgetitem\r\n"));
    for part in [
        r#""Keys":[{"userId":{"S":"a"}},{"userId":{"S":"b"}}]"#,
        r#""ConsistentRead":true"#,
        r#""ProjectionExpression":"userId, balance""#,
    ] {
        assert!(request.body.contains(part), "{}", request.body);
    }
}

#[tokio::test]
async fn balances_go_to_their_users_in_whatever_order_they_come() {
    let balances = read_three(
        r#"{"Responses":{"Balances":[
            {"userId":{"S":"c"},"balance":{"S":"corrupt"}},
            {"userId":{"S":"a"},"balance":{"N":"7"}}
        ]},"UnprocessedKeys":{}}"#,
    )
    .await;
    let expected = [
        (user("a"), number("7")),
        (user("b"), StoredBalance::Absent),
        (user("c"), StoredBalance::Corrupt),
    ];
    assert_eq!(balances, Ok(HashMap::from(expected)));
}

#[tokio::test]
async fn unprocessed_users_are_missing_and_not_absent() {
    let balances = read_three(
        r#"{"Responses":{"Balances":[{"userId":{"S":"a"},"balance":{"N":"7"}}]},
            "UnprocessedKeys":{"Balances":{"Keys":[{"userId":{"S":"b"}}]}}}"#,
    )
    .await;
    let expected = [(user("a"), number("7")), (user("c"), StoredBalance::Absent)];
    assert_eq!(balances, Ok(HashMap::from(expected)));
}

#[tokio::test]
async fn an_answer_without_responses_is_none() {
    for answer in ["{}", r#"{"UnprocessedKeys":{}}"#, "[]", "not JSON"] {
        let balances = read_three(answer).await;
        assert!(matches!(balances, Err(Fault::Unanswered(_))), "{answer}: {balances:?}");
    }
}

#[tokio::test]
async fn denied_access_is_final() {
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#;
    let (endpoint, _arrived) = server(vec![(400, denied)]);
    let Err(Fault::Final(error)) =
        database(&endpoint).read(&["a", "b"].map(user), &attempt()).await
    else {
        panic!("not final");
    };
    assert_eq!(error.code, crate::error::ErrorCode::AccessDenied);
}
