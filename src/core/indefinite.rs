//! What a call is told that ends without a definite answer: *nothing happened*, or *unknown*.

use std::time::Duration;

use crate::error::{BalanceError, ErrorCode};
use crate::store::Reason;

/// What a call does, which decides what an unanswered attempt can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Transact,
}

/// Words for the calls of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub operation: Operation,
    pub call_timeout: Duration,
}

impl Ending {
    /// The end of a call whose deadline has passed. `is_uncertain`: an attempt may have taken
    /// effect. `reason`: what stood in the way; `None` if the call was not sent.
    pub fn at_deadline(self, is_uncertain: bool, reason: Option<Reason>) -> BalanceError {
        let is_uncertain = self.can_be_unknown(is_uncertain);
        let reason = reason.unwrap_or_else(|| Reason {
            summary: "the request was still waiting for its turn".to_owned(),
            cause: None,
        });
        let answer = if is_uncertain { "answer" } else { "success" };
        let what =
            format!("no {answer} within {} ms ({})", self.call_timeout.as_millis(), reason.summary);
        self.end(is_uncertain, &what).caused_by(reason.cause)
    }

    /// The end of a call whose caller does not want to wait any longer.
    pub fn cancelled(self, is_uncertain: bool) -> BalanceError {
        self.end(self.can_be_unknown(is_uncertain), "the call was cancelled")
    }

    /// The end of a call that was refused. With an earlier attempt unanswered, the refusal does
    /// not exclude that it still takes effect, and saying otherwise would be a guess.
    pub fn refused(self, is_uncertain: bool, refusal: BalanceError) -> BalanceError {
        if !self.can_be_unknown(is_uncertain) {
            return refusal;
        }
        let message = format!(
            "Outcome unknown: an attempt went unanswered, and a later one was refused ({}). {}",
            refusal.message,
            self.advice(true)
        );
        BalanceError::new(ErrorCode::OutcomeUnknown, message).caused_by(refusal.cause)
    }

    fn end(self, is_uncertain: bool, what: &str) -> BalanceError {
        let (code, opening) = if is_uncertain {
            (ErrorCode::OutcomeUnknown, "Outcome unknown")
        } else {
            (ErrorCode::NothingHappened, "Nothing happened")
        };
        BalanceError::new(code, format!("{opening}: {what}. {}", self.advice(is_uncertain)))
    }

    fn advice(self, is_uncertain: bool) -> &'static str {
        match (self.operation, is_uncertain) {
            (Operation::Read, _) => "It is safe to call again.",
            (Operation::Transact, false) => "No money moved; it is safe to call again.",
            (Operation::Transact, true) => {
                "Money may or may not have moved: call again with the same idempotentKey to find \
                 out. It cannot be applied twice."
            }
        }
    }

    /// A read changes nothing, whatever became of it.
    fn can_be_unknown(self, is_uncertain: bool) -> bool {
        is_uncertain && self.operation == Operation::Transact
    }
}

#[cfg(test)]
mod tests;
