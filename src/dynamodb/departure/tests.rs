use std::future::pending;

use tokio::time::{Instant, sleep};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn an_attempt_in_time_is_answered_as_it_is() {
    let outcome = limit(LIMIT, |_| async {
        sleep(LIMIT / 2).await;
        Ok(42)
    })
    .await;
    assert_eq!(outcome, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_had_left_is_unanswered() {
    let start = Instant::now();
    let outcome: Result<(), Fault> = limit(LIMIT, |departure| async move {
        departure.leave();
        pending().await
    })
    .await;
    assert!(matches!(outcome, Err(Fault::Unanswered(_))));
    assert!(start.elapsed() >= LIMIT);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_had_not_left_was_not_taken() {
    let outcome: Result<(), Fault> = limit(LIMIT, |_| pending()).await;
    assert!(matches!(outcome, Err(Fault::NotTaken(_))));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_a_departure_of_its_own() {
    let first: Result<(), Fault> = limit(LIMIT, |departure| async move {
        departure.leave();
        pending().await
    })
    .await;
    let second: Result<(), Fault> = limit(LIMIT, |_| pending()).await;
    assert!(matches!(first, Err(Fault::Unanswered(_))));
    assert!(matches!(second, Err(Fault::NotTaken(_))));
}

#[test]
fn all_that_hold_a_departure_see_it_leave() {
    let departure = Departure::default();
    let held = departure.clone();
    assert!(!held.has_left());
    departure.leave();
    assert!(held.has_left());
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_time_is_told_as_it_is() {
    let fault = Fault::NotTaken(Reason { summary: "because".to_owned(), cause: None });
    let told = fault.clone();
    let outcome: Result<(), Fault> = limit(LIMIT, |departure| async move {
        departure.leave();
        Err(told)
    })
    .await;
    assert_eq!(outcome, Err(fault));
}
