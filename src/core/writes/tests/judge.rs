//! Whether the answers of a history are true.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::vocabulary::{MAX_USERS, Movement, Vocabulary};
use crate::core::outcome::Written;
use crate::error::{BalanceError, ErrorCode};
use crate::store::database::Database;
use crate::store::{CallId, ExistingRecord, SendGate};

/// What the balances came to in one state of the database; `None` for one that is no number.
pub type Worths = [Option<i64>; MAX_USERS];

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Recorded,
    Replayed,
    Failed(ErrorCode),
}

impl Answer {
    pub fn of(outcome: &Result<Written, BalanceError>) -> Self {
        match outcome {
            Ok(Written::Recorded) => Self::Recorded,
            Ok(Written::Replayed(_)) => Self::Replayed,
            Err(error) => Self::Failed(error.code),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Replayed => "replayed",
            Self::Failed(code) => code.as_str(),
        }
    }

    /// It was told that nothing happened, so that nothing may happen any more.
    fn excludes(self) -> bool {
        !matches!(
            self,
            Self::Recorded | Self::Failed(ErrorCode::OutcomeUnknown | ErrorCode::InternalError)
        )
    }

    /// It ended without knowing.
    fn is_doubtful(self) -> bool {
        matches!(self, Self::Failed(ErrorCode::OutcomeUnknown | ErrorCode::InternalError))
    }

    /// It was told that what it asked for has not happened and will not, unless one of its keys was
    /// used before.
    fn is_refusal(self) -> bool {
        match self {
            Self::Recorded | Self::Replayed | Self::Failed(ErrorCode::IdempotentKeyReused) => false,
            Self::Failed(_) => !self.is_doubtful(),
        }
    }
}

/// A call, as whoever made it knows it.
#[derive(Debug)]
pub struct Call {
    pub movements: Vec<Movement>,
    pub id: CallId,
    pub is_poisoned: bool,
    pub deadline: Instant,
    /// The state of the database when it came.
    pub first_state: usize,
    /// The last batch that it was part of.
    pub batch: Option<u64>,
    pub answer: Option<Answer>,
    /// How many calls were answered before it.
    pub order: usize,
    pub is_cancelled: bool,
    /// How many requests left before it that had a call that came later.
    pub overtaken: usize,
}

impl Call {
    pub fn must_not_happen(&self) -> bool {
        self.answer.is_some_and(Answer::excludes)
    }

    fn is_doubtful(&self) -> bool {
        self.answer.is_some_and(Answer::is_doubtful)
    }

    /// Whether both are about one key of one user.
    fn shares_name_with(&self, other: &Self) -> bool {
        let has = |movement: &Movement| {
            other.movements.iter().any(|it| (it.key, it.user) == (movement.key, movement.user))
        };
        self.movements.iter().any(has)
    }
}

/// A request, as the database knows it.
#[derive(Debug)]
pub struct Request {
    pub calls: Vec<usize>,
    pub users: BTreeSet<usize>,
    pub is_in_flight: bool,
    /// An attempt was sent; one that is in flight may be on its way to a connection.
    pub gate: SendGate,
    /// An attempt brought no answer.
    pub is_unanswered: bool,
    /// What an attempt met that ends its calls.
    pub faults: Vec<ErrorCode>,
    /// DynamoDB remembers tokens.
    pub committed: BTreeSet<u32>,
}

impl Request {
    pub fn may_take_effect(&self) -> bool {
        self.is_unanswered || (self.is_in_flight && self.gate.has_passed())
    }
}

/// All that is known, and nothing that the queue says.
pub struct Court<'a> {
    pub calls: &'a [Call],
    pub requests: &'a std::collections::HashMap<u64, Request>,
    pub database: &'a Database,
    pub states: &'a [Worths],
    /// Of each key that is recorded: since which state.
    pub since: &'a std::collections::HashMap<usize, usize>,
    pub vocabulary: &'a Vocabulary,
    pub now: Instant,
}

impl Court<'_> {
    /// Whether the answer of a call is true.
    pub fn judge(&self, number: usize, outcome: &Result<Written, BalanceError>) {
        let call = &self.calls[number];
        assert_eq!(call.answer, None, "call {number} was answered twice");
        assert!(self.now <= call.deadline, "call {number} was answered after its deadline");
        let is_true = match outcome {
            Ok(Written::Recorded) => self.owns(call, |_| true),
            Ok(Written::Replayed(existing)) => {
                !self.has_own(call) && self.is_replay(call, existing)
            }
            Err(error) => self.is_true_error(call, error),
        };
        assert!(is_true, "call {number} was told {outcome:?}, which is not true: {call:?}");
    }

    fn is_true_error(&self, call: &Call, error: &BalanceError) -> bool {
        let index = error.index.map_or(0, usize::from);
        assert!(error.index.is_none() || call.movements.len() > 1, "no group, no index");
        match error.code {
            ErrorCode::OutcomeUnknown => self.may_be_unknown(call),
            code @ ErrorCode::InternalError => self.has_met(call, code),
            _ if self.has_own(call) => false,
            code @ ErrorCode::AccessDenied => self.has_met(call, code),
            ErrorCode::IdempotentKeyReused => {
                self.stored(&call.movements[index]).is_some() && !self.is_replay_of_stored(call)
            }
            ErrorCode::InsufficientBalance => {
                let available = error.available.as_ref().map(|it| it.to_plain_string());
                let available = available.unwrap().parse().unwrap();
                self.was_ever(call, index, |worth| worth == Some(available))
                    && -call.movements[index].sum > available
            }
            ErrorCode::CorruptBalance => self.was_ever(call, index, |worth| worth.is_none()),
            ErrorCode::ServiceError => {
                let is_same = |it: &Call| it.is_poisoned && it.movements == call.movements;
                self.calls.iter().any(is_same)
            }
            ErrorCode::NothingHappened => {
                (call.is_cancelled || self.now == call.deadline) && !self.is_unsettled(call)
            }
            _ => false,
        }
    }

    fn stored(&self, movement: &Movement) -> Option<ExistingRecord> {
        self.database.record(&self.vocabulary.keys[movement.key]).cloned()
    }

    fn is_own(&self, call: &Call, movement: &Movement) -> bool {
        let existing = self.stored(movement);
        existing.is_some_and(|it| it.call_id == Some(call.id.to_string()))
    }

    /// Whether all its records are there.
    fn owns(&self, call: &Call, is_asked: impl Fn(&Movement) -> bool) -> bool {
        call.movements.iter().filter(|it| is_asked(it)).all(|it| self.is_own(call, it))
    }

    fn has_own(&self, call: &Call) -> bool {
        call.movements.iter().any(|movement| self.is_own(call, movement))
    }

    fn is_replay(&self, call: &Call, told: &[ExistingRecord]) -> bool {
        let stored: Vec<_> = call.movements.iter().map(|it| self.stored(it)).collect();
        told.len() == stored.len()
            && stored.iter().zip(told).all(|(stored, told)| stored.as_ref() == Some(told))
            && self.is_replay_of_stored(call)
    }

    /// Whether what is stored under its keys is what it asks for, recorded together.
    fn is_replay_of_stored(&self, call: &Call) -> bool {
        let Some(stored) =
            call.movements.iter().map(|it| self.stored(it)).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        let size = stored.len();
        let is_alike = call
            .movements
            .iter()
            .zip(&stored)
            .all(|(movement, existing)| movement.is_stored(existing, self.vocabulary));
        let is_together = size == 1
            || stored.iter().enumerate().all(|(index, existing)| {
                existing.call_id.is_some()
                    && existing.call_id == stored[0].call_id
                    && existing.place.is_some_and(|it| (it.index, it.size) == (index, size))
            });
        is_alike && is_together
    }

    /// Whether, at some instant since the call came at which none of its keys was recorded, the balance
    /// at the place of one of its transactions was like that.
    fn was_ever(
        &self,
        call: &Call,
        index: usize,
        is_like_that: impl Fn(Option<i64>) -> bool,
    ) -> bool {
        let user = call.movements[index].user;
        let before = &call.movements[..index];
        let moved: i64 = before.iter().filter(|it| it.user == user).map(|it| it.sum).sum();
        let recorded = call.movements.iter().filter_map(|it| self.since.get(&it.key)).min();
        let end = recorded.map_or(self.states.len(), |since| *since);
        let states = self.states.get(call.first_state..end.max(call.first_state)).unwrap();
        states.iter().any(|worths| is_like_that(worths[user].map(|worth| worth + moved)))
    }

    fn has_met(&self, call: &Call, code: ErrorCode) -> bool {
        let mut requests = self.requests.values().filter(|request| {
            request.calls.iter().any(|other| self.calls[*other].shares_name_with(call))
        });
        requests.any(|request| request.faults.contains(&code))
    }

    fn may_be_unknown(&self, call: &Call) -> bool {
        self.calls.iter().filter(|other| other.shares_name_with(call)).any(|other| {
            let request = other.batch.and_then(|batch| self.requests.get(&batch));
            request.is_some_and(|it| it.may_take_effect() || other.is_doubtful())
        })
    }

    /// Whether an earlier call with one of its names has done it, of which nobody has heard.
    fn is_unsettled(&self, call: &Call) -> bool {
        call.movements.iter().any(|movement| {
            let has_heard = |other: &Call| {
                let is_about = other.movements.iter().any(|it| it.key == movement.key);
                is_about
                    && other.answer.is_some_and(|answer| {
                        matches!(answer, Answer::Recorded | Answer::Replayed)
                            || answer == Answer::Failed(ErrorCode::IdempotentKeyReused)
                    })
            };
            let names = |it: &Movement| (it.key, it.user) == (movement.key, movement.user);
            let of_doubtful = |other: &Call| {
                other.is_doubtful()
                    && other.movements.iter().any(names)
                    && self.is_own(other, movement)
            };
            self.calls.iter().any(of_doubtful) && !self.calls.iter().any(has_heard)
        })
    }

    /// A call takes effect. It must not have been told that it would not, and neither must a later
    /// call with one of its names, after this one had ended unknown.
    pub fn judge_effect(&self, number: usize) {
        let call = &self.calls[number];
        assert!(!call.must_not_happen(), "call {number} happened after all");
        if call.answer.is_some() {
            let contradicts = |other: &Call| {
                other.shares_name_with(call)
                    && other.answer.is_some_and(Answer::is_refusal)
                    && other.order > call.order
            };
            let contradicted = self.calls.iter().position(contradicts);
            assert_eq!(contradicted, None, "call {number} happened after its key was refused");
        }
    }
}
