//! One attempt at a request: until when it may take, and whether it may still leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

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
pub struct SendGate(Arc<AtomicU8>);

impl SendGate {
    /// To be asked with a connection at hand, directly before the first byte goes to it. `false`:
    /// the attempt was called back, and must not be sent.
    #[must_use]
    pub fn pass(&self) -> bool {
        match self.0.compare_exchange(UNSENT, SENT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == SENT,
        }
    }

    /// Calls the attempt back. `true`: nothing was sent, and nothing will be.
    #[must_use]
    pub fn revoke(&self) -> bool {
        match self.0.compare_exchange(UNSENT, REVOKED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == REVOKED,
        }
    }

    /// Whether the first byte may have gone out.
    pub fn has_passed(&self) -> bool {
        self.0.load(Ordering::Acquire) == SENT
    }
}

#[cfg(test)]
mod tests;
