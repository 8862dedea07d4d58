use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn awaited() -> String {
    "the credentials function has not answered yet".to_owned()
}

fn attempt() -> Attempt {
    Attempt::until(Instant::now() + LIMIT)
}

#[tokio::test(start_paused = true)]
async fn an_attempt_in_time_is_answered_as_it_is() {
    let outcome = limit(
        &attempt(),
        awaited,
        pin!(async {
            sleep(LIMIT / 2).await;
            Ok(42)
        }),
    )
    .await;
    assert_eq!(outcome, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_sent_is_unanswered() {
    let start = Instant::now();
    let attempt = attempt();
    let outcome: Result<(), Fault> = limit(
        &attempt,
        awaited,
        pin!(async {
            assert!(attempt.gate.pass());
            pending().await
        }),
    )
    .await;
    assert!(matches!(outcome, Err(Fault::Unanswered(_))));
    assert!(start.elapsed() >= LIMIT);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_not_sent_was_not_taken_and_never_will_be() {
    let attempt = attempt();
    let outcome: Result<(), Fault> = limit(&attempt, awaited, pin!(pending())).await;
    let Err(Fault::NotTaken(reason)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason.summary, awaited());
    assert!(!attempt.gate.pass());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_called_back_ends_at_once() {
    let (start, attempt) = (Instant::now(), attempt());
    let call_back = async {
        sleep(LIMIT / 5).await;
        assert!(attempt.gate.revoke());
    };
    let work = pin!(pending());
    let (outcome, ()): (Result<(), Fault>, _) =
        tokio::join!(limit(&attempt, awaited, work), call_back);
    assert!(matches!(outcome, Err(Fault::NotTaken(_))));
    assert_eq!(start.elapsed(), LIMIT / 5);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_time_is_told_as_it_is() {
    let fault = Fault::NotTaken(Reason { summary: "because".to_owned(), cause: None });
    let attempt = attempt();
    let outcome: Result<(), Fault> = limit(
        &attempt,
        awaited,
        pin!(async {
            assert!(attempt.gate.pass());
            Err(fault.clone())
        }),
    )
    .await;
    assert_eq!(outcome, Err(fault));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_time_is_over_is_never_sent() {
    let attempt = Attempt::until(Instant::now());
    let outcome: Result<(), Fault> = limit(
        &attempt,
        awaited,
        pin!(async {
            assert!(!attempt.gate.pass(), "it was sent");
            pending().await
        }),
    )
    .await;
    assert!(matches!(outcome, Err(Fault::NotTaken(_))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_at_the_last_moment_counts() {
    let attempt = attempt();
    let outcome = limit(
        &attempt,
        awaited,
        pin!(async {
            assert!(attempt.gate.pass());
            sleep(LIMIT).await;
            Ok(42)
        }),
    )
    .await;
    assert_eq!(outcome, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_answered_without_effect_was_not_taken() {
    let attempt = attempt();
    let outcome: Result<(), Fault> = limit(
        &attempt,
        awaited,
        pin!(async {
            assert!(attempt.gate.pass());
            attempt.gate.answered();
            pending().await
        }),
    )
    .await;
    assert!(matches!(outcome, Err(Fault::NotTaken(_))));
}
