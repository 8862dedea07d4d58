//! Ends an attempt in time, and tells what that means: *nothing happened*, or *unanswered*.

use tokio::time::timeout_at;

use crate::store::{Attempt, Fault, Reason};

/// Runs an attempt until its end. `awaited` says in words what an attempt that was not sent was
/// waiting for.
pub async fn limit<T>(
    attempt: &Attempt,
    awaited: impl FnOnce() -> String,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    match timeout_at(attempt.until, work).await {
        Ok(outcome) => outcome,
        // Called back: what is not sent by now must not be sent any more.
        Err(_elapsed) if attempt.gate.revoke() => {
            Err(Fault::NotTaken(Reason { summary: awaited(), cause: None }))
        }
        Err(_elapsed) => Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        })),
    }
}

#[cfg(test)]
mod tests;
