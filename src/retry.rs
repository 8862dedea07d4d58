//! How long to pause before another attempt. Pure decisions: the randomness is an argument.

use std::time::Duration;

/// Full jitter: a pause is drawn evenly between zero and a ceiling that doubles from fault to
/// fault. Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
const FIRST_CEILING: Duration = Duration::from_millis(25);
/// A service that fails or throttles needs time.
const LAST_CEILING: Duration = Duration::from_secs(1);
/// An item that others are at work on is free again after a few milliseconds. Waiting much longer
/// than they do means never having a turn.
const LAST_CEILING_CONTENDED: Duration = Duration::from_millis(50);

/// Nobody waits for an audit, which asks for all that a table can give.
const LAST_CEILING_PATIENT: Duration = Duration::from_secs(20);

/// The pause after `faults` earlier faults in a row. `jitter` is between 0 and 1.
pub fn pause(faults: u32, jitter: f64) -> Duration {
    drawn(faults, LAST_CEILING, jitter)
}

/// The pause after a conflict with another transaction.
pub fn pause_contended(faults: u32, jitter: f64) -> Duration {
    drawn(faults, LAST_CEILING_CONTENDED, jitter)
}

/// The pause of a request that nobody waits for.
pub fn pause_patient(faults: u32, jitter: f64) -> Duration {
    drawn(faults, LAST_CEILING_PATIENT, jitter)
}

fn drawn(faults: u32, last_ceiling: Duration, jitter: f64) -> Duration {
    FIRST_CEILING.saturating_mul(2_u32.saturating_pow(faults)).min(last_ceiling).mul_f64(jitter)
}

#[cfg(test)]
mod tests;
