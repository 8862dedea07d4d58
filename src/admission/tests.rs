use std::time::Duration;

use tokio::time::sleep;

use super::*;

#[test]
fn the_65537th_call_is_refused_at_once() {
    let admission = Admission::default();
    let places: Vec<Place> = (0..65_536).map(|_| admission.enter().unwrap()).collect();
    let error = admission.enter().unwrap_err();
    assert_eq!(error.code, ErrorCode::TooManyCalls);
    assert_eq!(
        error.message,
        "Too many calls: 65536 are waiting for an answer already. Nothing happened; wait for some \
         of them before calling again."
    );
    drop(places);
    assert!(admission.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_too_many_waits_for_a_turn() {
    let admission = Admission::default();
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut turns = Vec::new();
    for _ in 0..MOST_REQUESTS {
        turns.push(admission.take_turn(deadline).await.unwrap());
    }
    let waiting = admission.take_turn(deadline);
    turns.pop();
    assert!(waiting.await.is_some());
    assert!(Instant::now() < deadline);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_come_is_waited_for_until_the_deadline() {
    let admission = Admission::default();
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut turns = Vec::new();
    for _ in 0..MOST_REQUESTS {
        turns.push(admission.take_turn(deadline).await.unwrap());
    }
    assert!(admission.take_turn(deadline).await.is_none());
    assert!(Instant::now() >= deadline);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_takes_no_turn() {
    let admission = Admission::default();
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut turns = Vec::new();
    for _ in 1..MOST_REQUESTS {
        turns.push(admission.take_turn(deadline).await.unwrap());
    }
    let last = admission.take_turn(deadline).await.unwrap();
    let moment = Instant::now() + Duration::from_millis(10);
    assert!(timeout_at(moment, admission.take_turn(deadline)).await.is_err());
    drop(last);
    assert!(admission.take_turn(deadline).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_closed_client_refuses_new_calls() {
    let admission = Admission::default();
    admission.close().await;
    let error = admission.enter().unwrap_err();
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
    let place = admission.enter().unwrap();
    let call = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(admission.enter().unwrap_err().code, ErrorCode::ClientClosed);
        drop(place);
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
