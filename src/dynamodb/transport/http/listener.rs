//! Whether anybody listens at an address of this machine. Elsewhere a refused connection is an outage, which
//! passes; here it mostly is a database that nobody has started, and nobody wants to wait for that in silence.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long connections are refused before that is told: DynamoDB Local takes a second to start.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What a client knows of who listens at the place that it connects to.
#[derive(Debug, Default)]
pub struct Listener(Mutex<State>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Unknown,
    RefusedSince(Instant),
    /// Somebody did at least once: if they do not any more, they may come back.
    Seen,
}

impl Listener {
    pub fn connected(&self) {
        *self.state() = State::Seen;
    }

    /// A connection was refused. Whether that has gone on for too long, and nobody was ever there.
    pub fn is_absent(&self, now: Instant) -> bool {
        let mut state = self.state();
        match *state {
            State::Unknown => {
                *state = State::RefusedSince(now);
                false
            }
            State::RefusedSince(since) => now.duration_since(since) >= PATIENCE,
            State::Seen => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody listens at a place of this machine.
#[derive(Debug)]
pub struct NobodyListens {
    pub host_and_port: String,
}

impl fmt::Display for NobodyListens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "nobody listens at {}", self.host_and_port)
    }
}

impl Error for NobodyListens {}

#[cfg(test)]
mod tests;
