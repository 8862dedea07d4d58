use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::*;

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn it_is_done_once_for_all_who_wait() {
    let times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&times);
    let work = async move {
        sleep(Duration::from_secs(1)).await;
        counted.fetch_add(1, Ordering::Relaxed) + 1
    };
    let task = start(work, LIMIT, |outcome| outcome);
    assert_eq!(join_all(vec![task; 1000]).await, vec![Ok(1); 1000]);
    assert_eq!(times.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_when_nobody_waits_any_longer() {
    let work = sleep(Duration::from_secs(10));
    let task = start(work, LIMIT, |outcome| outcome);
    assert!(timeout(Duration::from_secs(1), task.clone()).await.is_err());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(task.now_or_never(), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn it_ends_at_its_limit() {
    let task = start(pending::<()>(), LIMIT, |outcome| outcome);
    assert_eq!(task.await, Err(Interruption::TimedOut(LIMIT)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_it() {
    let task = start(async { panic!("for this test") }, LIMIT, |outcome: Result<(), _>| outcome);
    assert_eq!(task.await, Err(Interruption::Panicked));
}
