//! When to try again, and what to say at the deadline. Pure decisions: the clock is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{BalanceError, ErrorCode};
use crate::store::{Fault, Reason};

/// Full jitter: a pause is drawn evenly between zero and a ceiling that doubles from the first to
/// the last. Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
const FIRST_CEILING: Duration = Duration::from_millis(25);
const LAST_CEILING: Duration = Duration::from_secs(1);

/// What a call does, which decides what an unanswered attempt can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Transact,
}

/// One call's way through its attempts.
#[derive(Debug)]
pub struct Retry {
    operation: Operation,
    call_timeout: Duration,
    deadline: Instant,
    faults: u32,
    last_reason: Option<Reason>,
    /// An earlier attempt may still have taken effect.
    is_uncertain: bool,
    is_attempt_under_way: bool,
}

impl Retry {
    pub fn new(operation: Operation, call_timeout: Duration, now: Instant) -> Self {
        Self {
            operation,
            call_timeout,
            deadline: now + call_timeout,
            faults: 0,
            last_reason: None,
            is_uncertain: false,
            is_attempt_under_way: false,
        }
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether an earlier attempt may still take effect.
    pub fn is_uncertain(&self) -> bool {
        self.is_uncertain
    }

    /// How long the attempt that begins now may take.
    pub fn begin_attempt(&mut self, attempt_timeout: Duration, now: Instant) -> Duration {
        self.is_attempt_under_way = true;
        attempt_timeout.min(self.deadline.saturating_duration_since(now))
    }

    /// How long to pause after a fault, or the end of the call. `jitter` is between 0 and 1.
    pub fn pause(
        &mut self,
        fault: Fault,
        now: Instant,
        jitter: f64,
    ) -> Result<Duration, BalanceError> {
        self.is_attempt_under_way = false;
        let reason = match fault {
            Fault::Final(error) => return Err(self.conclude(error)),
            Fault::NotTaken(reason) => reason,
            Fault::Unanswered(reason) => {
                self.is_uncertain |= self.operation == Operation::Transact;
                reason
            }
        };
        self.last_reason = Some(reason);
        let pause = ceiling(self.faults).mul_f64(jitter);
        self.faults = self.faults.saturating_add(1);
        if now + pause >= self.deadline { Err(self.give_up()) } else { Ok(pause) }
    }

    /// The end of a call that was refused. With an earlier attempt unanswered, the refusal does
    /// not exclude that it still takes effect, and saying otherwise would be a guess.
    fn conclude(&self, refusal: BalanceError) -> BalanceError {
        if !self.is_uncertain {
            return refusal;
        }
        let message = format!(
            "Outcome unknown: an attempt went unanswered, and a later one was refused ({}). {}",
            refusal.message,
            self.advice()
        );
        BalanceError::new(ErrorCode::OutcomeUnknown, message).caused_by(refusal.cause)
    }

    /// The end of a call whose deadline has passed.
    pub fn give_up(&mut self) -> BalanceError {
        let reason = self.last_reason.take().unwrap_or_else(|| Reason {
            summary: "the request was still waiting for its turn".to_owned(),
            cause: None,
        });
        let answer = if self.is_uncertain { "answer" } else { "success" };
        let what =
            format!("no {answer} within {} ms ({})", self.call_timeout.as_millis(), reason.summary);
        self.end(&what).caused_by(reason.cause)
    }

    /// The end of a call whose caller does not want to wait any longer.
    pub fn cancel(&mut self) -> BalanceError {
        self.is_uncertain |= self.is_attempt_under_way && self.operation == Operation::Transact;
        self.end("the call was cancelled")
    }

    /// The end of a call without a definite answer.
    fn end(&self, what: &str) -> BalanceError {
        let (code, opening) = if self.is_uncertain {
            (ErrorCode::OutcomeUnknown, "Outcome unknown")
        } else {
            (ErrorCode::NothingHappened, "Nothing happened")
        };
        BalanceError::new(code, format!("{opening}: {what}. {}", self.advice()))
    }

    fn advice(&self) -> &'static str {
        match (self.operation, self.is_uncertain) {
            (Operation::Read, _) => "It is safe to call again.",
            (Operation::Transact, false) => "No money moved; it is safe to call again.",
            (Operation::Transact, true) => {
                "Money may or may not have moved: call again with the same idempotentKey to find \
                 out. It cannot be applied twice."
            }
        }
    }
}

fn ceiling(faults: u32) -> Duration {
    FIRST_CEILING.saturating_mul(2_u32.saturating_pow(faults)).min(LAST_CEILING)
}

#[cfg(test)]
mod tests;
