//! Whether the answers of a history are true.

use tokio::time::Instant;

use super::database::{Content, Database, Owner, Part};
use crate::error::{BalanceError, ErrorCode};
use crate::store::CallId;
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

/// A request, as the database knows it.
#[derive(Debug)]
pub struct Request {
    pub id: CallId,
    pub parts: Vec<Part>,
    pub is_under_way: bool,
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
    let request = call.request.map(|request| &requests[request]);
    let stored = database.record(call.content.key);
    let is_own = stored.is_some_and(|stored| stored.owner == Owner::Call(number));
    let was_ever = |is_like_that: &dyn Fn(_) -> bool| {
        database.was_ever(call.first_state, call.content.key, is_like_that)
    };
    let has_met = |code| request.is_some_and(|request| request.faults.contains(&code));
    let is_true = match answer {
        Ok(()) => is_own,
        Err(ErrorCode::OutcomeUnknown) => {
            request.is_some_and(|request| request.is_under_way || request.is_unanswered)
        }
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
        Err(ErrorCode::ServiceError) => call.is_poisoned,
        Err(code @ ErrorCode::AccessDenied) => has_met(code),
        Err(ErrorCode::NothingHappened) => call.is_cancelled || now == call.deadline,
        Err(_) => false,
    };
    assert!(is_true, "call {number} was told {answer:?}, which is not true: {call:?}, {stored:?}");
    calls[number].answer = Some(answer);
}
