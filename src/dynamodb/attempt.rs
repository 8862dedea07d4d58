//! Ends an attempt in time, or when it is called back, and tells what that means: *nothing happened*, or *unanswered*.

use tokio::select;
use tokio::time::sleep_until;

use crate::store::{Attempt, Fault, Reason};

/// Runs an attempt until its end.
pub async fn limit<T>(
    attempt: &Attempt,
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
        Err(Fault::NotTaken(Reason {
            summary: "credentials, configuration and connection did not arrive in time".to_owned(),
            cause: None,
        }))
    } else {
        Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        }))
    }
}

#[cfg(test)]
mod tests;
