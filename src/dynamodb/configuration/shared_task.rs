//! Work that is done once, however many wait for it, and goes on when they stop waiting.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::timeout;

/// To be cloned and awaited.
pub type SharedTask<T> = Shared<BoxFuture<'static, T>>;

/// Why work came to no end of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// It took longer than it may.
    TimedOut(Duration),
    Panicked,
}

/// Starts it. `finish` is called as soon as it has ended, however it ended and whether anybody
/// still waits or not.
pub fn start<T, U>(
    work: impl Future<Output = T> + Send + 'static,
    limit: Duration,
    finish: impl FnOnce(Result<T, Interruption>) -> U + Clone + Send + 'static,
) -> SharedTask<U>
where
    T: Send + 'static,
    U: Clone + Send + Sync + 'static,
{
    let and_then = finish.clone();
    let task = tokio::spawn(async move {
        let outcome = match AssertUnwindSafe(timeout(limit, work)).catch_unwind().await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_elapsed)) => Err(Interruption::TimedOut(limit)),
            Err(_panic) => Err(Interruption::Panicked),
        };
        finish(outcome)
    });
    async move { task.await.unwrap_or_else(|_| and_then(Err(Interruption::Panicked))) }
        .boxed()
        .shared()
}

#[cfg(test)]
mod tests;
