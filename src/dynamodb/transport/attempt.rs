//! Ends an attempt in time, or when it is called back, and tells what that means: *nothing
//! happened*, or *unanswered*.

use std::pin::Pin;

use futures_util::FutureExt as _;
use tokio::select;
use tokio::time::sleep_until;

use crate::store::{Attempt, Fault, Reason};

/// Runs an attempt until its end. `awaited` says in words what an attempt that was not sent was
/// waiting for.
pub async fn limit<T>(
    attempt: &Attempt,
    awaited: impl FnOnce() -> String,
    // Pinned by the caller: an async function has room for its arguments twice.
    mut work: Pin<&mut impl Future<Output = Result<T, Fault>>>,
) -> Result<T, Fault> {
    // Time first: what has not been sent by then must not be sent any more.
    select! {
        biased;
        () = attempt.gate.revoked() => {}
        () = sleep_until(attempt.until) => {}
        outcome = &mut work => return outcome,
    }
    if attempt.gate.revoke() {
        return Err(Fault::NotTaken(Reason { summary: awaited(), cause: None }));
    }
    // An answer that came at the last moment counts.
    work.now_or_never().unwrap_or_else(|| {
        Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        }))
    })
}

#[cfg(test)]
mod tests;
