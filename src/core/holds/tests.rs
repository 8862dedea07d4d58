use std::time::Duration;

use super::*;
use crate::store::{HoldState, HoldStatus};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn key(name: &str) -> IdempotentKey {
    IdempotentKey::validate(text(name)).unwrap()
}

fn status() -> HoldStatus {
    HoldStatus::open(None)
}

/// A hold of 30 as it is found.
fn found(status: HoldStatus) -> RecordedTransaction {
    RecordedTransaction {
        idempotent_key: "hold".to_owned(),
        user_id: "alice".to_owned(),
        amount: "30".to_owned(),
        transaction_type: "debit".to_owned(),
        timestamp: "2024-05-06T07:08:09.010Z".into(),
        metadata: None,
        hold: Some(Box::new(status)),
        returned_from: None,
        malformed: None,
    }
}

pub fn capture(amount: &Value) -> HoldClosing {
    HoldClosing::validate_capture(text("key"), text("hold"), amount).unwrap()
}

fn release() -> HoldClosing {
    HoldClosing::validate_release(text("key"), text("hold")).unwrap()
}

fn step(request: &HoldClosing, found: Option<&RecordedTransaction>) -> Result<Step, ErrorCode> {
    let step = request.next_step(found, CallId::unique(), NOW, true);
    step.map_err(|error| error.code)
}

/// What a request writes to close an open hold.
pub fn closing(request: &HoldClosing) -> Closing {
    match step(request, Some(&found(status()))) {
        Ok(Step::Write(group)) => group.as_closing().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn spelt(amount: Option<&Amount>) -> Option<String> {
    amount.map(|amount| amount.as_decimal().to_plain_string())
}

#[test]
fn what_is_not_captured_goes_back() {
    let cases = [
        (capture(&Value::Undefined), Some("30"), None),
        (capture(&text("30")), Some("30"), None),
        (capture(&text("12.5")), Some("12.5"), Some("17.5")),
        (release(), None, Some("30")),
    ];
    for (request, captured, rest) in cases {
        let closing = closing(&request);
        let amounts = (spelt(closing.captured.as_ref()), spelt(closing.rest.as_ref()));
        assert_eq!(amounts, (captured.map(str::to_owned), rest.map(str::to_owned)));
    }
}

#[test]
fn no_more_is_captured_than_there_is() {
    let request = capture(&text("30.01"));
    assert_eq!(step(&request, Some(&found(status()))), Err(ErrorCode::HoldExceeded));
}

#[test]
fn a_rest_that_dynamodb_cannot_hold_is_refused() {
    let request = capture(&text("0.00000000000000000000000000000000000001"));
    assert_eq!(step(&request, Some(&found(status()))), Err(ErrorCode::AmountOutOfRange));
}

#[test]
fn what_is_no_hold_cannot_be_closed() {
    let transaction = RecordedTransaction { hold: None, ..found(status()) };
    let odd = RecordedTransaction { amount: "much".to_owned(), ..found(status()) };
    for record in [None, Some(&transaction), Some(&odd)] {
        assert_eq!(step(&release(), record), Err(ErrorCode::HoldNotFound));
    }
}

#[test]
fn a_closed_hold_is_told_without_a_write() {
    let ends = [
        (HoldState::Captured, Err(ErrorCode::HoldCaptured)),
        (HoldState::Released, Err(ErrorCode::HoldReleased)),
    ];
    for (state, expected) in ends {
        let closed = HoldStatus { state, closed_by: Some("other".to_owned()), ..status() };
        assert_eq!(step(&release(), Some(&found(closed))), expected);
    }
}

#[test]
fn what_the_same_call_has_done_is_replayed() {
    let closed = closing(&capture(&text("12.5"))).after();
    let record = RecordedTransaction::of(&key("hold"), closed.clone());
    let again = step(&capture(&text("12.5")), Some(&record));
    let existing = ExistingRecord { call_id: None, ..closed };
    assert_eq!(again, Ok(Step::Done(Written::Replayed(vec![existing]))));
    for other in [capture(&text("12")), capture(&Value::Undefined), release()] {
        assert_eq!(step(&other, Some(&record)), Err(ErrorCode::IdempotentKeyReused));
    }
}

#[test]
fn while_an_earlier_request_is_in_doubt_even_a_closed_hold_is_asked_for() {
    let closed = HoldStatus { state: HoldState::Captured, ..status() };
    let step = release().next_step(Some(&found(closed)), CallId::unique(), NOW, false);
    assert!(matches!(step, Ok(Step::Write(_))));
}

#[test]
fn a_hold_has_expired_from_its_instant_on() {
    let expires_at = Some("2024-05-06T07:08:09.010Z".to_owned());
    let status = HoldStatus::open(expires_at);
    assert!(!status.has_expired("2024-05-06T07:08:09.009Z"));
    assert!(status.has_expired("2024-05-06T07:08:09.010Z"));
    assert!(!HoldStatus::open(None).has_expired("9999-12-31T23:59:59.999Z"));
}

#[test]
fn a_hold_that_does_not_expire_comes_after_all_that_do() {
    let last = HoldStatus::open(Some("9999-12-31T23:59:59.999Z".to_owned()));
    assert!(HoldStatus::open(None).open_until() > last.open_until());
}

#[test]
fn sweepers_leave_a_hold_alone_for_a_while() {
    let now = NOW + Duration::from_mins(1);
    assert_eq!(expired(now, None).until, "1970-01-01T00:00:50.000Z");
    assert_eq!(expired(NOW, None).until, "1970-01-01T00:00:00.000Z");
}

#[test]
fn the_key_of_the_hold_is_not_that_of_its_end() {
    let error = HoldClosing::validate_release(text("hold"), text("hold")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidIdempotentKey);
}

#[test]
fn the_key_of_a_hold_leaves_room_for_that_of_its_release() {
    let debit = |length: usize| {
        let (key, user_id) = (text(&"k".repeat(length)), text("alice"));
        Transaction::validate(key, user_id, &Value::Number(1.0), &text("debit")).unwrap()
    };
    assert!(NewHold::validate(debit(2_040), &Value::Undefined).is_ok());
    let error = NewHold::validate(debit(2_041), &Value::Undefined).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidIdempotentKey);
}
