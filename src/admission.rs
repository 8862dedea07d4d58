//! How many calls a client holds, and how many of them talk to DynamoDB at once.

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::error::{BalanceError, ErrorCode};

/// Calls accepted and not yet answered. Each holds a few kilobytes; more than this is a caller
/// that does not wait for answers.
const MOST_CALLS: usize = 65_536;

/// Requests under way, which is also the most connections a client opens.
const MOST_REQUESTS: usize = 128;

/// The turnstile in front of the database.
#[derive(Debug)]
pub struct Admission {
    calls: Semaphore,
    requests: Semaphore,
}

/// Leaving it gives the place to the next.
pub type Place<'a> = SemaphorePermit<'a>;

impl Default for Admission {
    fn default() -> Self {
        Self { calls: Semaphore::new(MOST_CALLS), requests: Semaphore::new(MOST_REQUESTS) }
    }
}

impl Admission {
    /// Accepts a call, or refuses it at once.
    pub fn enter(&self) -> Result<Place<'_>, BalanceError> {
        self.calls.try_acquire().map_err(|_| {
            BalanceError::new(
                ErrorCode::TooManyCalls,
                format!(
                    "Too many calls: {MOST_CALLS} are waiting for an answer already. Nothing \
                     happened; wait for some of them before calling again."
                ),
            )
        })
    }

    /// Waits for a request's turn; `None` when the deadline comes first.
    pub async fn take_turn(&self, deadline: Instant) -> Option<Place<'_>> {
        let turn: Result<Result<Place<'_>, AcquireError>, _> =
            timeout_at(deadline, self.requests.acquire()).await;
        // The semaphore is never closed, so that the inner error does not occur.
        turn.ok().and_then(Result::ok)
    }
}
