//! Ends an attempt in time, or when it is called back, and tells what that means: *nothing happened*, or *unanswered*.

use tokio::select;
use tokio::time::sleep_until;

use crate::store::{Attempt, Fault, Reason};

/// Runs an attempt until its end. `awaited` says in words what an attempt that was not sent was
/// waiting for.
pub async fn limit<T>(
    attempt: &Attempt,
    awaited: impl FnOnce() -> String,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    select! {
        biased;
        outcome = work => return outcome,
        () = attempt.gate.revoked() => {}
        () = sleep_until(attempt.until) => {}
    }
    // What is not sent by now must not be sent any more.
    if attempt.gate.revoke() {
        Err(Fault::NotTaken(Reason { summary: awaited(), cause: None }))
    } else {
        Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        }))
    }
}

#[cfg(test)]
mod tests;
