use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;

use tokio::time::Instant;

use super::*;
use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::money::DefaultBalance;
use crate::options::Deadlines;
use crate::options::credentials::{Credentials, CredentialsSource};
use crate::store::{BalanceUpdate, CallId, Entry, Record, Role};
use crate::transaction::{Transaction, UserId};
use crate::value::Value;

/// The options of the tests of this room.
pub(super) fn options(default_balance: f64) -> Options {
    let deadline = Duration::from_secs(1);
    Options {
        region: None,
        endpoint: None,
        profile: None,
        credentials: CredentialsSource::AwsChain,
        balances_table: "Balances".to_owned(),
        transactions_table: "Movements".to_owned(),
        default_balance: DefaultBalance::validate(&Value::Number(default_balance)).unwrap(),
        consistent_read: true,
        deadlines: Deadlines { connect: deadline, attempt: deadline, call: deadline },
        custom_user_agent: None,
    }
}

/// A record as the ledger hands it over.
pub(super) fn record(amount: f64, transaction_type: &str) -> Record {
    let text = |text: &str| Value::Text(text.to_owned());
    Record {
        transaction: Transaction::validate(
            text("key-1"),
            text("user-1"),
            &Value::Number(amount),
            &text(transaction_type),
        )
        .unwrap(),
        timestamp: "2024-05-06T07:08:09.010Z".into(),
        call_id: CallId::unique(),
        place: None,
        role: Role::Transaction,
    }
}

/// A write of records as the core composes it, each user's balance in this epoch.
pub(super) fn write_of(records: Vec<Record>, epoch: Epoch) -> Write {
    let mut balances: Vec<BalanceUpdate> = Vec::new();
    for record in &records {
        let user_id = &record.transaction.user_id;
        if !balances.iter().any(|balance| balance.user_id == *user_id) {
            let transactions = records.iter().map(|record| &record.transaction);
            let of_user = transactions.filter(|transaction| transaction.user_id == *user_id);
            let change = BalanceChange::of(of_user);
            balances.push(BalanceUpdate { user_id: user_id.clone(), epoch, change });
        }
    }
    Write { entries: records.into_iter().map(Arc::new).map(Entry::Record).collect(), balances }
}

/// A lone debit, composed now.
fn debit() -> Write {
    write_of(vec![record(1.0, "debit")], Epoch::at(SystemTime::now()))
}

pub(super) const TOKEN: Token = Token { batch: 1, request: 0 };

/// Longer than it takes on this machine.
pub(super) fn attempt() -> Attempt {
    Attempt::until(Instant::now() + Duration::from_secs(10))
}

/// A store whose DynamoDB is at this address.
pub(super) fn database(endpoint: &str) -> DynamoDb {
    let options = Options {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.parse().unwrap()),
        credentials: CredentialsSource::Fixed(Credentials {
            access_key_id: "key".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            expiration: None,
        }),
        ..options(100.0)
    };
    DynamoDb::new(options, HashMap::new())
}

/// A request as it arrived on the wire.
pub(super) struct Arrived {
    pub headers: String,
    pub body: String,
}

/// Answers one request after the other: a status and a body, or nothing at all where that is
/// empty. Returns its address and what arrives there.
pub(super) fn server(answers: Vec<(u16, &'static str)>) -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (status, answer) in answers {
            let (stream, _) = listener.accept().unwrap();
            sender.send(take_in(&stream)).unwrap();
            if !answer.is_empty() {
                let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
                let whole = format!("{head}{}\r\n{answer}", signs(answer));
                (&stream).write_all(whole.as_bytes()).unwrap();
            }
        }
    });
    (endpoint, receiver)
}

/// The headers of an answer of DynamoDB's.
pub(super) fn signs(body: &str) -> String {
    format!(
        "content-type: application/x-amz-json-1.0\r\nx-amzn-requestid: TEST\r\n\
         x-amz-crc32: {}\r\ncontent-length: {}\r\n",
        crc32fast::hash(body.as_bytes()),
        body.len()
    )
}

fn take_in(stream: &TcpStream) -> Arrived {
    let mut reader = BufReader::new(stream);
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        reader.read_line(&mut headers).unwrap();
    }
    let headers = headers.to_ascii_lowercase();
    let length = headers.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Arrived { headers, body: String::from_utf8(body).unwrap() }
}

fn meaning(balance: AttributeValue) -> StoredBalance {
    stored_number(Some(&HashMap::from([("balance".to_owned(), balance)])), "balance")
}

#[test]
fn no_item_is_no_balance() {
    assert_eq!(stored_number(None, "balance"), StoredBalance::Absent);
}

#[test]
fn an_item_without_a_balance_is_no_balance() {
    let item = HashMap::from([("userId".to_owned(), AttributeValue::S("user-1".to_owned()))]);
    assert_eq!(stored_number(Some(&item), "balance"), StoredBalance::Absent);
}

#[test]
fn a_number_is_a_balance() {
    for number in ["0", "-3", "0.1", "1E+30", "9.9999999999999999999999999999999999999E+125"] {
        let expected = StoredBalance::Number(Decimal::parse(number).unwrap());
        assert_eq!(meaning(AttributeValue::N(number.to_owned())), expected);
    }
}

#[test]
fn anything_else_is_corrupt() {
    for value in [
        AttributeValue::S("100".to_owned()),
        AttributeValue::Null(true),
        AttributeValue::Bool(true),
        AttributeValue::B(Blob::new([1])),
        AttributeValue::L(vec![AttributeValue::N("100".to_owned())]),
        AttributeValue::Ns(vec!["100".to_owned()]),
        AttributeValue::N("a hundred".to_owned()),
        // DynamoDB cannot hold it, and to compare it would take for ever.
        AttributeValue::N("1e9223372036854775807".to_owned()),
    ] {
        assert_eq!(meaning(value), StoredBalance::Corrupt);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_has_not_taken_the_request() {
    // A port that was free a moment ago: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let database = database(&format!("http://{address}"));
    let user_id = UserId::validate_for_balance(Value::Text("user-1".to_owned())).unwrap();
    let items = [ItemKey::Account(user_id)];
    let Err(Fault::NotTaken(reason)) = database.read(&items, &attempt()).await else {
        panic!("something listens at {address}");
    };
    assert!(reason.summary.starts_with("it could not be reached: "), "{}", reason.summary);
}

#[tokio::test]
async fn a_server_that_connects_and_is_silent_about_encryption_has_not_taken_the_request() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let database = database(&format!("https://{}", mute.local_addr().unwrap()));
    let attempt = attempt();
    let outcome = database.write(&debit(), TOKEN, &attempt).await;
    assert!(matches!(outcome, Err(Fault::NotTaken(_))), "{outcome:?}");
    assert!(!attempt.gate.has_passed());
}

#[tokio::test]
async fn an_answer_of_somebody_else_confirms_nothing() {
    let (endpoint, _arrived) = server(vec![(204, "{}"), (200, r#"{"status":"ok"}"#)]);
    let database = database(&endpoint);
    for _ in 0..2 {
        let outcome = database.write(&debit(), TOKEN, &attempt()).await;
        let Err(Fault::Unanswered(reason)) = outcome else { panic!("{outcome:?}") };
        assert!(reason.summary.starts_with("something other than DynamoDB"), "{reason:?}");
    }
}
