//! How many calls a client holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{BalanceError, ErrorCode};
use crate::transaction::UserId;

/// Calls accepted and not yet answered. Each holds some kilobytes; more than this is a caller that
/// does not wait for answers.
const MAX_CALLS: u32 = 65_536;

/// A quarter of them: one user cannot fill the client for everybody. At 99 calls a request and
/// 5 ms a request that is less than a second's work.
const MAX_CALLS_OF_USER: u32 = 16_384;

/// The turnstile in front of the database.
#[derive(Debug)]
pub struct Admission {
    calls: Arc<Semaphore>,
    by_user: Arc<CallsByUser>,
    is_closed: AtomicBool,
    held: Arc<AtomicU64>,
}

type CallsByUser = Mutex<HashMap<UserId, u32>>;

/// A call's place among those that a client holds. Dropping it gives the place to the next.
#[derive(Debug)]
pub struct Permit {
    _of_client: Admitted,
    user_ids: SmallVec<[UserId; 1]>,
    by_user: Arc<CallsByUser>,
}

/// The same for what is about no user.
#[derive(Debug)]
pub struct Admitted {
    _permit: OwnedSemaphorePermit,
    held: Arc<AtomicU64>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        for user_id in &self.user_ids {
            if let Some(calls) = by_user.get_mut(user_id) {
                *calls -= 1;
                if *calls == 0 {
                    by_user.remove(user_id);
                }
            }
        }
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MAX_CALLS as usize)),
            by_user: Arc::default(),
            is_closed: AtomicBool::new(false),
            held: Arc::default(),
        }
    }
}

impl Admission {
    /// Accepts a call that is about some users, or refuses it at once.
    pub fn enter(&self, user_ids: &[UserId]) -> Result<Permit, BalanceError> {
        let of_client = self.enter_without_user()?;
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |user_id| by_user.get(user_id).is_some_and(|it| *it >= MAX_CALLS_OF_USER);
        if user_ids.iter().any(is_full) {
            return Err(too_many(MAX_CALLS_OF_USER, " of this user"));
        }
        for user_id in user_ids {
            *by_user.entry(user_id.clone()).or_default() += 1;
        }
        Ok(Permit {
            _of_client: of_client,
            user_ids: user_ids.into(),
            by_user: Arc::clone(&self.by_user),
        })
    }

    /// The same for what is about no user.
    pub fn enter_without_user(&self) -> Result<Admitted, BalanceError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(BalanceError::new(
                ErrorCode::ClientClosed,
                "Client closed: close() was called on this client. Nothing happened; make a new \
                 one.",
            ));
        }
        let permit = Arc::clone(&self.calls).try_acquire_owned();
        let permit = permit.map_err(|_| too_many(MAX_CALLS, ""))?;
        self.held.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted { _permit: permit, held: Arc::clone(&self.held) })
    }

    /// How many calls are held. (The semaphore cannot say: closing takes all of its places.)
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        self.is_closed.store(true, Ordering::Release);
        let calls = Arc::clone(&self.calls);
        // All places are free once no call holds one. The semaphore is never closed, so that the
        // error does not occur.
        async move { drop(calls.acquire_many(MAX_CALLS).await) }
    }
}

fn too_many(max: u32, of_whom: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::TooManyCalls,
        format!(
            "Too many calls: {max}{of_whom} are waiting for an answer already. Nothing happened; \
             wait for some of them before calling again."
        ),
    )
}

#[cfg(test)]
mod tests;
