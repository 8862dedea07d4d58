//! How long to pause before another attempt. Pure decisions: the randomness is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::Reason;

/// Full jitter: a pause is drawn evenly between zero and a ceiling that doubles from failure to
/// failure. Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
const FIRST_CEILING: Duration = Duration::from_millis(25);
/// A service that fails or throttles needs time.
const LAST_CEILING: Duration = Duration::from_secs(1);

/// An item that others are at work on is free again as soon as one transaction takes. Who has just come waits
/// up to so many times that longer, and who has waited before less and less, down to once: whoever is oldest
/// most likely has its turn next. Chosen by measurement (`npm run bench`, 32 processes at one account) among
/// 0 to 16: half the p99 of ceilings that double up to 50 ms, at 15 % more attempts. None at all would be
/// faster still where calls come singly, but lets whoever has just had its turn have the next one.
const NEWCOMER: f64 = 6.0;
const SENIORITY: f64 = 0.8;

/// How long a transaction takes where none has been seen yet.
const TYPICAL: Duration = Duration::from_millis(5);

/// Nobody waits for an audit, which asks for all that a table can give.
const LAST_CEILING_PATIENT: Duration = Duration::from_secs(20);

/// The pause after `failures` earlier failures in a row. `jitter` is between 0 and 1.
pub fn pause(failures: u32, jitter: f64) -> Duration {
    drawn(failures, LAST_CEILING, jitter)
}

/// The pause after a conflict with another transaction. `usual` is how long a request takes here.
pub fn pause_contended(failures: u32, usual: Option<Duration>, jitter: f64) -> Duration {
    let times = 1.0 + NEWCOMER * SENIORITY.powf(f64::from(failures));
    usual.unwrap_or(TYPICAL).min(LAST_CEILING).mul_f64(times).min(LAST_CEILING).mul_f64(jitter)
}

/// The pause of a request that nobody waits for.
pub fn pause_patient(failures: u32, jitter: f64) -> Duration {
    drawn(failures, LAST_CEILING_PATIENT, jitter)
}

fn drawn(failures: u32, last_ceiling: Duration, jitter: f64) -> Duration {
    FIRST_CEILING.saturating_mul(2_u32.saturating_pow(failures)).min(last_ceiling).mul_f64(jitter)
}

/// The failures in a row of something that is tried again, and the pause after the last one.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    reason: Option<Reason>,
    until: Option<Instant>,
}

impl Backoff {
    /// Another failure. `pause` is told how many there were before.
    pub fn fail(&mut self, reason: Reason, now: Instant, pause: impl FnOnce(u32) -> Duration) {
        self.until = Some(now + pause(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.reason = Some(reason);
    }

    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// What stood in the way the last time.
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    /// The end of a pause that is not over.
    pub fn ends(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|&until| until > now)
    }
}

#[cfg(test)]
mod tests;
