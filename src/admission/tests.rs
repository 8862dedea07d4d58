use std::time::Duration;

use tokio::time::{Instant, sleep};

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
