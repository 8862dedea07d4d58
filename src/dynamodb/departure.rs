//! Whether an attempt had left when its time ran out: the difference between *nothing happened*
//! and *outcome unknown*.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::store::{Fault, Reason};

/// Notes the moment before the first byte can have left.
#[derive(Clone, Debug, Default)]
pub struct Departure(Arc<AtomicBool>);

impl Departure {
    pub fn leave(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn has_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs an attempt for at most `limit`.
pub async fn limit<T, F>(limit: Duration, attempt: impl FnOnce(Departure) -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let departure = Departure::default();
    match timeout(limit, attempt(departure.clone())).await {
        Ok(outcome) => outcome,
        Err(_elapsed) if departure.has_left() => Err(Fault::Unanswered(Reason {
            summary: "DynamoDB did not answer in time".to_owned(),
            cause: None,
        })),
        Err(_elapsed) => Err(Fault::NotTaken(Reason {
            summary: "credentials and configuration did not arrive in time".to_owned(),
            cause: None,
        })),
    }
}

#[cfg(test)]
mod tests;
