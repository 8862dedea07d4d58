//! Epochs: when a request was composed, so that one that comes too late has no effect any more.
//! Pure decisions.
//!
//! Every write carries the epoch in which it was composed and leaves it with the balance, and none
//! takes effect on a balance that has seen a later one. docs/protocol.md says what follows from it.

use std::time::{Duration, SystemTime};

/// How long an epoch lasts. Shorter, and more requests that are under way as one ends have to be
/// composed anew; longer, and a request that its caller has given up stays dangerous for longer.
const LENGTH: Duration = Duration::from_secs(5);

/// A stored epoch that lies further ahead than this was written by somebody else, or by a clock
/// that is wrong: it counts as none, or nobody could write until then.
const MAX_AHEAD: Duration = Duration::from_hours(1);

/// The beginning of an epoch, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch that an instant belongs to.
    pub fn at(now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let length = u64::try_from(LENGTH.as_millis()).unwrap_or(u64::MAX);
        Self(milliseconds - milliseconds % length)
    }

    /// As DynamoDB stores it; `None` for what cannot be one. Somebody else may have stored a
    /// fraction, which is rounded up, so that what is learnt from it suffices.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('.') {
            None => text.parse().ok().map(Self),
            Some((whole, _)) => whole.parse().ok().map(|whole| Self(whole).next()),
        }
    }

    /// The first epoch after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The last epoch that counts as later than this one.
    pub fn latest(self) -> Self {
        Self(self.0.saturating_add(u64::try_from(MAX_AHEAD.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whether a request of this epoch has no effect on a balance that has seen `stored`.
    pub fn is_over(self, stored: Option<Self>) -> bool {
        stored.is_some_and(|stored| (self.next()..=self.latest()).contains(&stored))
    }
}

impl std::fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests;
