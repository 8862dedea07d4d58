//! How many calls a client holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{BalanceError, ErrorCode};

/// Calls accepted and not yet answered. Each holds about a kilobyte; more than this is a caller
/// that does not wait for answers.
const MOST_CALLS: u32 = 65_536;

/// The turnstile in front of the database.
#[derive(Debug)]
pub struct Admission {
    calls: Arc<Semaphore>,
    is_closed: AtomicBool,
}

/// A call's place among those that a client holds. Dropping it gives the place to the next.
pub type Place = OwnedSemaphorePermit;

impl Default for Admission {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MOST_CALLS as usize)),
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
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        self.is_closed.store(true, Ordering::Release);
        let calls = Arc::clone(&self.calls);
        // All places are free once no call holds one. The semaphore is never closed, so that the
        // error does not occur.
        async move { drop(calls.acquire_many(MOST_CALLS).await) }
    }
}

#[cfg(test)]
mod tests;
