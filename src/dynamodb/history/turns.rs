//! Whose page is read next: so many at once, and of one user fewer, so that a user whose history
//! hangs does not take all turns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::transaction::UserId;

/// Pages that are read at the same time. Each of them has up to 1 MB.
pub const MAX_IN_FLIGHT: usize = 64;
pub const MAX_IN_FLIGHT_OF_USER: usize = 16;

#[derive(Debug)]
pub struct Turns {
    of_all: Semaphore,
    of_users: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { of_all: Semaphore::new(MAX_IN_FLIGHT), of_users: Mutex::default() }
    }
}

impl Turns {
    /// Waits for a turn of this user and then does the work.
    pub async fn run<T>(&self, user_id: &UserId, work: impl Future<Output = T>) -> T {
        let queue = self.enter(user_id);
        // Neither is ever closed, so that there is no error.
        let _of_user = queue.wait().await;
        let _of_all = self.of_all.acquire().await;
        work.await
    }

    fn enter<'a>(&'a self, user_id: &'a UserId) -> Queue<'a> {
        let mut of_users = self.of_users();
        let turns = of_users
            .entry(user_id.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(MAX_IN_FLIGHT_OF_USER)));
        Queue { turns: Some(Arc::clone(turns)), user_id, all: self }
    }

    fn of_users(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Semaphore>>> {
        self.of_users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page's place in the queue of its user, which goes with the last one.
struct Queue<'a> {
    turns: Option<Arc<Semaphore>>,
    user_id: &'a UserId,
    all: &'a Turns,
}

impl Queue<'_> {
    async fn wait(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.as_ref()?.acquire().await.ok()
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        let mut of_users = self.all.of_users();
        // With the lock held, so that of two that end at once one sees that it is the last.
        drop(self.turns.take());
        if of_users.get(self.user_id).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            of_users.remove(self.user_id);
        }
    }
}

#[cfg(test)]
mod tests;
