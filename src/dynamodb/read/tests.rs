use super::*;
use crate::core::history::RecordedTransaction;
use crate::dynamodb::tests::{attempt, database, server};
use crate::money::{Decimal, StoredBalance};
use crate::store::Store as _;
use crate::transaction::{IdempotentKey, UserId};
use crate::value::Value;

fn user(user_id: &str) -> ItemKey {
    let user_id = UserId::validate_for_balance(Value::Text(user_id.to_owned()));
    ItemKey::Account(user_id.unwrap())
}

fn key(key: &str) -> ItemKey {
    ItemKey::Record(IdempotentKey::validate(Value::Text(key.to_owned())).unwrap())
}

fn stored(balance: StoredBalance) -> Item {
    Item::Account(Account { balance, held: StoredBalance::Absent, exists: true })
}

fn number(number: &str) -> Item {
    stored(StoredBalance::Number(Decimal::parse(number).unwrap()))
}

const ABSENT: Item = Item::Account(Account {
    balance: StoredBalance::Absent,
    held: StoredBalance::Absent,
    exists: false,
});

/// What reading the balances of a, b and c means when this is the answer.
async fn read_three(answer: &'static str) -> Result<HashMap<ItemKey, Item>, Fault> {
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
        r#""ProjectionExpression":"userId, balance, held""#,
    ] {
        assert!(request.body.contains(part), "{}", request.body);
    }
}

#[tokio::test]
async fn a_user_without_an_item_has_no_balance() {
    let (endpoint, _arrived) = server(vec![(200, "{}")]);
    let balances = database(&endpoint).read(&[user("a")], &attempt()).await;
    assert_eq!(balances, Ok(HashMap::from([(user("a"), ABSENT)])));
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
        r#""ProjectionExpression":"userId, balance, held""#,
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
        (user("b"), ABSENT),
        (user("c"), stored(StoredBalance::Corrupt)),
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
    let expected = [(user("a"), number("7")), (user("c"), ABSENT)];
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

#[tokio::test]
async fn a_record_is_read_in_full_and_consistently() {
    let record = r#"{"Item":{"idempotentKey":{"S":"k"},"userId":{"S":"a"},"amount":{"N":"1.5"},"type":{"S":"credit"},"timestamp":{"S":"2024-05-06T07:08:09.010Z"},"callId":{"S":"c"},"metadata":{"M":{"order":{"S":"17"}}},"groupIndex":{"N":"1"},"groupSize":{"N":"2"}}}"#;
    let (endpoint, arrived) = server(vec![(200, record)]);
    let items = database(&endpoint).read(&[key("k")], &attempt()).await;
    let record = RecordedTransaction {
        idempotent_key: "k".to_owned(),
        user_id: "a".to_owned(),
        amount: "1.5".to_owned(),
        transaction_type: "credit".to_owned(),
        timestamp: "2024-05-06T07:08:09.010Z".to_owned(),
        metadata: Some(vec![("order".to_owned(), "17".to_owned())]),
        hold: None,
        returned_from: None,
        malformed: None,
    };
    assert_eq!(items, Ok(HashMap::from([(key("k"), Item::Record(Some(Box::new(record))))])));
    let body = arrived.recv().unwrap().body;
    assert!(body.contains(r#""TableName":"Movements""#), "{body}");
    assert!(body.contains(r#""ConsistentRead":true"#), "{body}");
    assert!(!body.contains("ProjectionExpression"), "{body}");
}

#[tokio::test]
async fn a_key_without_an_item_has_no_record() {
    let (endpoint, _arrived) = server(vec![(200, "{}")]);
    let items = database(&endpoint).read(&[key("k")], &attempt()).await;
    assert_eq!(items, Ok(HashMap::from([(key("k"), Item::Record(None))])));
}

#[tokio::test]
async fn balances_and_records_come_in_one_request_and_are_told_apart() {
    // A user and a key may have one name.
    let answer = r#"{"Responses":{"Balances":[{"userId":{"S":"a"},"balance":{"N":"7"}}],
        "Movements":[{"idempotentKey":{"S":"b"},"userId":{"S":"a"}}]},"UnprocessedKeys":{}}"#;
    let (endpoint, arrived) = server(vec![(200, answer)]);
    let items = [user("a"), user("b"), key("a"), key("b")];
    let found = database(&endpoint).read(&items, &attempt()).await.unwrap();
    let Some(Item::Record(Some(of_a))) = found.get(&key("b")) else { panic!("{found:?}") };
    assert_eq!((&*of_a.idempotent_key, &*of_a.user_id), ("b", "a"));
    assert!(of_a.malformed.as_deref().unwrap().contains("amount"), "{of_a:?}");
    let expected = [
        (user("a"), number("7")),
        (user("b"), ABSENT),
        (key("a"), Item::Record(None)),
        (key("b"), Item::Record(Some(of_a.clone()))),
    ];
    assert_eq!(found, HashMap::from(expected));
    let body = arrived.recv().unwrap().body;
    assert!(body.contains(r#""Keys":[{"idempotentKey":{"S":"a"}},{"idempotentKey":{"S":"b"}}]"#));
}
