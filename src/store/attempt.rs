//! One attempt at a request: until when it may take, and whether it may still leave.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

const UNSENT: u8 = 0;
const SENT: u8 = 1;
const REVOKED: u8 = 2;

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
/// *outcome unknown* and *nothing happened*.
#[derive(Clone, Debug, Default)]
pub struct SendGate(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    state: AtomicU8,
    revocation: AtomicWaker,
}

impl SendGate {
    /// To be asked with a connection at hand, directly before the first byte goes to it. `false`:
    /// the attempt was called back, and must not be sent.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.0.settle(SENT)
    }

    /// Calls the attempt back. `true`: nothing was sent, and nothing will be.
    #[must_use]
    pub fn revoke(&self) -> bool {
        let is_revoked = self.0.settle(REVOKED);
        self.0.revocation.wake();
        is_revoked
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

    /// Whether the first byte may have gone out.
    pub fn has_passed(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == SENT
    }
}

impl Gate {
    /// Moves to a state unless it has moved before; `true`: this is the state now.
    fn settle(&self, to: u8) -> bool {
        let moved = self.state.compare_exchange(UNSENT, to, Ordering::AcqRel, Ordering::Acquire);
        moved.map_or_else(|state| state == to, |_| true)
    }
}

#[cfg(test)]
mod tests;
