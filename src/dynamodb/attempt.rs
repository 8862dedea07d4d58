//! Ends an attempt in time, and tells what that means: *nothing happened*, or *unanswered*.

use futures_util::FutureExt as _;
use tokio::time::timeout_at;

use crate::store::{Attempt, Fault, Reason};

/// Runs an attempt until its end.
pub fn limit<T>(
    attempt: &Attempt,
    work: impl Future<Output = Result<T, Fault>>,
) -> impl Future<Output = Result<T, Fault>> {
    let gate = attempt.gate.clone();
    // Not an async function, which would have room for the work twice.
    timeout_at(attempt.until, work).map(move |outcome| match outcome {
        Ok(outcome) => outcome,
        // Called back: what is not sent by now must not be sent any more.
        Err(_elapsed) if gate.revoke() => Err(Fault::NotTaken(Reason {
            summary: "credentials, configuration and connection did not arrive in time".to_owned(),
            cause: None,
        })),
        Err(_elapsed) => Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        })),
    })
}

#[cfg(test)]
mod tests;
