//! Whether the answers of a history are true.

use tokio::time::Instant;

use super::database::{Content, Database, Owner, Part, Stored};
use crate::core::epoch::Epoch;
use crate::error::{BalanceError, ErrorCode};
use crate::store::SendGate;
use crate::transaction::TransactionType;

pub type Answer = Result<(), ErrorCode>;

/// A call, as whoever made it knows it.
#[derive(Debug)]
pub struct Call {
    pub content: Content,
    pub is_poisoned: bool,
    pub deadline: Instant,
    /// The state of the database when it came.
    pub first_state: usize,
    /// The last request that it was part of.
    pub request: Option<usize>,
    pub answer: Option<Answer>,
    /// How many calls were answered before it.
    pub order: usize,
    pub is_cancelled: bool,
}

impl Call {
    /// It was told that nothing happened, so that nothing may happen any more.
    pub fn must_not_happen(&self) -> bool {
        match self.answer {
            None | Some(Ok(())) => false,
            Some(Err(code)) => {
                !matches!(code, ErrorCode::OutcomeUnknown | ErrorCode::InternalError)
            }
        }
    }
}

impl Call {
    /// It ended without knowing.
    fn is_doubtful(&self) -> bool {
        matches!(self.answer, Some(Err(ErrorCode::OutcomeUnknown | ErrorCode::InternalError)))
    }
}

impl Request {
    fn may_take_effect(&self) -> bool {
        self.is_unanswered || (self.is_in_flight && self.gate.has_passed())
    }
}

/// A request, as the database knows it.
#[derive(Debug)]
pub struct Request {
    pub epoch: Epoch,
    pub parts: Vec<Part>,
    pub is_in_flight: bool,
    /// An attempt was sent; one that is in flight may be on its way to a connection.
    pub gate: SendGate,
    /// An attempt brought no answer.
    pub is_unanswered: bool,
    /// What an attempt met that ends its calls.
    pub faults: Vec<ErrorCode>,
    /// A new one after each cancellation, as in `src/dynamodb/write.rs`.
    pub token: u32,
    pub committed_token: Option<u32>,
}

/// Takes down the answer of a call, provided that it is true.
pub fn judge(
    calls: &mut [Call],
    number: usize,
    outcome: Result<(), BalanceError>,
    requests: &[Request],
    database: &Database<'_>,
    now: Instant,
) {
    let call = &calls[number];
    assert_eq!(call.answer, None, "call {number} was answered twice");
    assert!(now <= call.deadline, "call {number} was answered after its deadline");
    let answer = outcome.map_err(|error| error.code);
    // Calls with one key share a place: what is sent for one of them is sent for all.
    let has_key = |it: &&Request| it.parts.iter().any(|it| it.content.key == call.content.key);
    let stored = database.record(call.content.key);
    let is_own = stored.is_some_and(|stored| stored.owner == Owner::Call(number));
    let was_ever = |is_like_that: &dyn Fn(_) -> bool| {
        database.was_ever(call.first_state, call.content.key, is_like_that)
    };
    let has_met = |code| requests.iter().filter(has_key).any(|it| it.faults.contains(&code));
    let is_true = match answer {
        Ok(()) => is_own,
        Err(ErrorCode::OutcomeUnknown) => calls.iter().any(|other| {
            let request = other.request.and_then(|request| requests.get(request));
            other.content.key == call.content.key
                && request.is_some_and(|it| it.may_take_effect() || other.is_doubtful())
        }),
        Err(code @ ErrorCode::InternalError) => has_met(code),
        Err(_) if is_own => false,
        Err(ErrorCode::DuplicateTransaction) => {
            stored.is_some_and(|stored| stored.content.as_ref() == Some(&call.content))
        }
        Err(ErrorCode::IdempotentKeyReused) => {
            stored.is_some_and(|stored| stored.content.as_ref() != Some(&call.content))
        }
        Err(ErrorCode::InsufficientBalance) => {
            call.content.transaction_type == TransactionType::Debit
                && was_ever(&|worth| worth.is_some_and(|worth| call.content.amount > worth))
        }
        Err(ErrorCode::CorruptBalance) => was_ever(&|worth| worth.is_none()),
        Err(ErrorCode::AmountOutOfRange) => was_ever(&|worth| {
            worth.is_some_and(|worth| database.does_not_fit(&call.content, worth))
        }),
        Err(ErrorCode::ServiceError) => {
            calls.iter().any(|other| other.is_poisoned && other.content == call.content)
        }
        Err(code @ ErrorCode::AccessDenied) => has_met(code),
        Err(ErrorCode::NothingHappened) => {
            // Nor has an earlier call with its key done it, of which nobody has heard.
            let has_heard = |other: &Call| {
                other.content.key == call.content.key
                    && matches!(
                        other.answer,
                        Some(
                            Ok(())
                                | Err(ErrorCode::DuplicateTransaction
                                    | ErrorCode::IdempotentKeyReused)
                        )
                    )
            };
            let of_unsettled = |stored: &Stored| match stored.owner {
                Owner::Call(other) => calls[other].is_doubtful() && !calls.iter().any(has_heard),
                Owner::OtherProcess => false,
            };
            (call.is_cancelled || now == call.deadline) && !stored.is_some_and(of_unsettled)
        }
        Err(_) => false,
    };
    assert!(is_true, "call {number} was told {answer:?}, which is not true: {call:?}, {stored:?}");
    let order = calls.iter().filter(|call| call.answer.is_some()).count();
    calls[number].answer = Some(answer);
    calls[number].order = order;
}

/// Whether it was told that what it asked for has not happened and will not, unless its key was
/// used before.
fn is_refusal(answer: Option<Answer>) -> bool {
    let is_refused = |code| {
        !matches!(
            code,
            ErrorCode::OutcomeUnknown
                | ErrorCode::InternalError
                | ErrorCode::DuplicateTransaction
                | ErrorCode::IdempotentKeyReused
        )
    };
    matches!(answer, Some(Err(code)) if is_refused(code))
}

/// A call takes effect. It must not have been told that it would not, and neither must a later
/// call with its key, after this one had ended unknown.
pub fn judge_effect(calls: &[Call], number: usize) {
    let call = &calls[number];
    assert!(!call.must_not_happen(), "call {number} happened after all");
    if call.answer.is_some() {
        let contradicts = |other: &Call| {
            other.content.key == call.content.key
                && is_refusal(other.answer)
                && other.order > call.order
        };
        let contradicted = calls.iter().position(contradicts);
        assert_eq!(contradicted, None, "call {number} happened after its key was refused");
    }
}
