use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::value::Value;

fn user(number: usize) -> UserId {
    UserId::validate_for_transaction(Value::Text(format!("user-{number}"))).unwrap()
}

#[test]
fn the_65537th_call_is_refused_at_once() {
    let admission = Admission::default();
    let enter = |number: usize| admission.enter(&[user(number)]).unwrap();
    let permits: Vec<Permit> = (0..65_536).map(enter).collect();
    let error = admission.enter(&[user(0)]).unwrap_err();
    assert_eq!(error.code, ErrorCode::TooManyCalls);
    assert_eq!(
        error.message,
        "Too many calls: 65536 are waiting for an answer already. Nothing happened; wait for some \
         of them before calling again."
    );
    drop(permits);
    assert!(admission.enter(&[user(0)]).is_ok());
}

#[test]
fn one_user_cannot_fill_the_client_for_everybody() {
    let admission = Admission::default();
    let permits: Vec<Permit> = (0..16_384).map(|_| admission.enter(&[user(1)]).unwrap()).collect();
    let error = admission.enter(&[user(1)]).unwrap_err();
    assert_eq!(error.code, ErrorCode::TooManyCalls);
    assert_eq!(
        error.message,
        "Too many calls: 16384 of this user are waiting for an answer already. Nothing happened; \
         wait for some of them before calling again."
    );
    assert!(admission.enter(&[user(2)]).is_ok());
    drop(permits);
    assert!(admission.enter(&[user(1)]).is_ok());
    assert!(admission.by_user.lock().unwrap().is_empty(), "a user without calls takes no memory");
}

#[tokio::test(start_paused = true)]
async fn a_closed_client_refuses_new_calls() {
    let admission = Admission::default();
    admission.close().await;
    let error = admission.enter(&[user(1)]).unwrap_err();
    assert_eq!(error.code, ErrorCode::ClientClosed);
    assert_eq!(
        error.message,
        "Client closed: close() was called on this client. Nothing happened; make a new one."
    );
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_calls_that_were_accepted() {
    let admission = Admission::default();
    let start = Instant::now();
    let permit = admission.enter(&[user(1)]).unwrap();
    let call = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(admission.enter(&[user(1)]).unwrap_err().code, ErrorCode::ClientClosed);
        drop(permit);
    };
    tokio::join!(admission.close(), call);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_may_be_closed_twice() {
    let admission = Admission::default();
    tokio::join!(admission.close(), admission.close());
    admission.close().await;
}
