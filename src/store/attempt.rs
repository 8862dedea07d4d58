//! One attempt at a request: until when it may take, and whether it may still leave.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::Journal;

const UNSENT: u8 = 0;
const SENT: u8 = 1;
const REVOKED: u8 = 2;
const ANSWERED: u8 = 3;

/// The limits of one attempt. Whoever made it keeps a clone, to ask what became of it, or to call
/// it back.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it ends, answered or not.
    pub until: Instant,
    pub gate: SendGate,
}

impl Attempt {
    pub fn until(until: Instant) -> Self {
        Self { until, gate: SendGate::default() }
    }
}

/// Decides, once, between an attempt's first byte and its being called back: the difference between
/// *outcome unknown* and *nothing happened*. It goes wherever the attempt does, and so does what the attempt
/// notes down.
#[derive(Clone, Debug, Default)]
pub struct SendGate(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    state: AtomicU8,
    revocation: AtomicWaker,
    journal: Journal,
}

impl SendGate {
    /// To be asked with a connection at hand, directly before the first byte goes to it. `false`:
    /// the attempt was called back, and must not be sent.
    #[must_use]
    pub fn pass(&self) -> bool {
        matches!(self.0.advance(&[UNSENT], SENT), SENT | ANSWERED)
    }

    /// What was sent has been answered, and has changed nothing. Whatever else the attempt sends
    /// only reads.
    pub fn answered(&self) {
        self.0.advance(&[UNSENT, SENT], ANSWERED);
    }

    /// Calls the attempt back. `true`: nothing was sent that can have changed anything, and nothing
    /// will be.
    #[must_use]
    pub fn revoke(&self) -> bool {
        let state = self.0.advance(&[UNSENT, ANSWERED], REVOKED);
        self.0.revocation.wake();
        state == REVOKED
    }

    /// Ends when the attempt is called back, for one task to wait for.
    pub async fn revoked(&self) {
        poll_fn(|context| {
            self.0.revocation.register(context.waker());
            if self.0.state.load(Ordering::Acquire) == REVOKED {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Whether something may have gone out that changes anything.
    pub fn has_passed(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == SENT
    }
}

impl Gate {
    /// Moves to a state from some others; returns the state after that.
    fn advance(&self, from: &[u8], to: u8) -> u8 {
        let next = |state| from.contains(&state).then_some(to);
        let moved = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        moved.map_or_else(|state| state, |_before| to)
    }
}

#[cfg(test)]
mod tests;
