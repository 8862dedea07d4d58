use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::driver::admission::Admission;
use crate::transaction::UserId;
use crate::value::Value;

fn user(number: usize) -> UserId {
    UserId::validate_for_transaction(Value::Text(format!("user-{number}"))).unwrap()
}

/// A duty to answer, and what its caller hears.
fn answer(admission: &Admission) -> (Reply<u32>, Receiver<Result<u32, ErrorCode>>) {
    let (sender, receiver) = channel();
    let answer = Reply::new(admission.enter(&[user(0)]).unwrap(), move |outcome| {
        sender.send(outcome.map_err(|error| error.code)).unwrap();
    });
    (answer, receiver)
}

fn heard(receiver: &Receiver<Result<u32, ErrorCode>>) -> Vec<Result<u32, ErrorCode>> {
    receiver.try_iter().collect()
}

#[test]
fn an_answer_is_given_once() {
    let (answer, receiver) = answer(&Admission::default());
    answer.send(Ok(42));
    assert_eq!(heard(&receiver), [Ok(42)]);
}

#[test]
fn an_error_is_an_answer() {
    let (answer, receiver) = answer(&Admission::default());
    answer.send(Err(BalanceError::new(ErrorCode::AccessDenied, "Access denied.")));
    assert_eq!(heard(&receiver), [Err(ErrorCode::AccessDenied)]);
}

#[test]
fn an_answer_that_was_dropped_is_told_as_a_defect() {
    let (answer, receiver) = answer(&Admission::default());
    drop(answer);
    assert_eq!(heard(&receiver), [Err(ErrorCode::InternalError)]);
}

#[test]
fn a_lost_transaction_is_told_how_to_find_out() {
    assert_eq!(
        lost().message,
        "Internal error: the call was lost. If it was a transaction, money may or may not have \
         moved: call again with the same idempotentKey to find out. It cannot be applied twice."
    );
}

#[tokio::test]
async fn an_answer_given_or_dropped_gives_its_place_back() {
    let admission = Admission::default();
    let (given, _receiver) = answer(&admission);
    let (dropped, _other_receiver) = answer(&admission);
    given.send(Ok(1));
    drop(dropped);
    // Comes to an end only when every place is free.
    admission.close().await;
}

#[test]
fn the_place_is_held_until_the_caller_has_the_answer() {
    let admission = Arc::new(Admission::default());
    let mut places: Vec<_> = (1..65_536).map(|it| admission.enter(&[user(it)]).unwrap()).collect();
    let recipient = {
        let admission = Arc::clone(&admission);
        move |_| assert_eq!(admission.enter(&[user(0)]).unwrap_err().code, ErrorCode::TooManyCalls)
    };
    let answer: Reply<u32> = Reply::new(admission.enter(&[user(0)]).unwrap(), recipient);
    answer.send(Ok(1));
    places.push(admission.enter(&[user(0)]).unwrap());
    assert_eq!(places.len(), 65_536);
}
