//! How many calls a client holds, and how many of them talk to DynamoDB at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::error::{BalanceError, ErrorCode};

/// Calls accepted and not yet answered. Each holds a few kilobytes; more than this is a caller
/// that does not wait for answers.
const MOST_CALLS: u32 = 65_536;

/// Requests under way, which is also the most connections a client opens: at DynamoDB's usual 5 ms
/// more than 10,000 requests a second. More only makes a slow database slower for everybody.
const MOST_REQUESTS: usize = 64;

/// The turnstile in front of the database.
#[derive(Debug)]
pub struct Admission {
    calls: Arc<Semaphore>,
    requests: Semaphore,
    is_closed: AtomicBool,
}

/// A call's place among those that a client holds. Dropping it gives the place to the next.
pub type Place = OwnedSemaphorePermit;

/// A request's turn to talk to the database. Dropping it gives the turn to the next.
pub type Turn<'a> = SemaphorePermit<'a>;

impl Default for Admission {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MOST_CALLS as usize)),
            requests: Semaphore::new(MOST_REQUESTS),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl Admission {
    /// Accepts a call, or refuses it at once.
    pub fn enter(&self) -> Result<Place, BalanceError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(BalanceError::new(
                ErrorCode::ClientClosed,
                "Client closed: close() was called on this client. Nothing happened; make a new \
                 one.",
            ));
        }
        Arc::clone(&self.calls).try_acquire_owned().map_err(|_| {
            BalanceError::new(
                ErrorCode::TooManyCalls,
                format!(
                    "Too many calls: {MOST_CALLS} are waiting for an answer already. Nothing \
                     happened; wait for some of them before calling again."
                ),
            )
        })
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        // All places are free once no call holds one. The semaphore is never closed, so that the
        // error does not occur.
        let _ = self.calls.acquire_many(MOST_CALLS).await;
    }

    /// Waits for a request's turn; `None` when the deadline comes first.
    pub async fn take_turn(&self, deadline: Instant) -> Option<Turn<'_>> {
        let turn: Result<Result<Turn<'_>, AcquireError>, _> =
            timeout_at(deadline, self.requests.acquire()).await;
        // The semaphore is never closed, so that the inner error does not occur.
        turn.ok().and_then(Result::ok)
    }
}

#[cfg(test)]
mod tests;
