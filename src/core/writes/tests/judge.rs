//! Whether the answers of a history are true.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::vocabulary::{Close, MAX_USERS, Movement, Part, Vocabulary};
use crate::core::outcome::Written;
use crate::error::{BalanceError, ErrorCode};
use crate::store::database::Database;
use crate::store::{CallId, ExistingRecord, HoldState, SendGate};

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
    pub fn is_group(&self) -> bool {
        self.movements.len() > 1 && self.closing().is_none()
    }

    /// The hold that it closes, how, and its own key.
    fn closing(&self) -> Option<(&Movement, &Close, usize)> {
        match &self.movements[..] {
            [hold, key] => match &hold.part {
                Part::Closing(close) => Some((hold, close, key.key)),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn must_not_happen(&self) -> bool {
        self.answer.is_some_and(Answer::excludes)
    }

    fn is_doubtful(&self) -> bool {
        self.answer.is_some_and(Answer::is_doubtful)
    }

    /// Whether both are about one key of one user.
    fn shares_name_with(&self, other: &Self) -> bool {
        let has =
            |movement: &Movement| other.movements.iter().any(|it| it.name() == movement.name());
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
    /// Of each hold that is closed: since which state.
    pub closed_since: &'a std::collections::HashMap<usize, usize>,
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
            Ok(Written::Recorded) => self.owns(call),
            Ok(Written::Replayed(existing)) => {
                !self.has_own(call) && self.is_replay(call, existing)
            }
            Err(error) => self.is_true_error(call, error),
        };
        assert!(is_true, "call {number} was told {outcome:?}, which is not true: {call:?}");
    }

    fn is_true_error(&self, call: &Call, error: &BalanceError) -> bool {
        let index = error.index.map_or(0, usize::from);
        assert!(error.index.is_none() || call.is_group(), "no group, no index");
        match error.code {
            ErrorCode::OutcomeUnknown => self.may_be_unknown(call),
            code @ ErrorCode::InternalError => self.has_met(call, code),
            _ if self.has_own(call) => false,
            code @ ErrorCode::AccessDenied => self.has_met(call, code),
            code if call.closing().is_some() && code != ErrorCode::NothingHappened => {
                self.is_true_error_of_closing(call, code)
            }
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

    fn is_true_error_of_closing(&self, call: &Call, code: ErrorCode) -> bool {
        let (hold, close, by) = call.closing().unwrap();
        let record = self.stored(hold);
        let status = record.as_ref().and_then(|record| record.hold.as_ref());
        let is_closed_by_it = || {
            status.and_then(|it| it.closed_by.as_deref()) == Some(self.vocabulary.keys[by].as_str())
        };
        let has_ended = |state| status.is_some_and(|it| it.state == state) && !is_closed_by_it();
        match code {
            ErrorCode::HoldCaptured => has_ended(HoldState::Captured),
            ErrorCode::HoldReleased => has_ended(HoldState::Released),
            ErrorCode::HoldExpired => {
                let closed = self.closed_since.get(&hold.key);
                let is_late = |other: &Call| {
                    other.closing().is_some_and(|(it, close, key)| {
                        (it.key, key) == (hold.key, by) && close.is_late
                    })
                };
                close.captured.is_some()
                    && self.calls.iter().any(is_late)
                    && status.is_some()
                    && closed.is_none_or(|since| *since > call.first_state)
            }
            ErrorCode::HoldNotFound => {
                let since = self.since.get(&hold.key);
                since.is_none_or(|since| *since > call.first_state) || status.is_none()
            }
            ErrorCode::IdempotentKeyReused => {
                let is_recorded = self.database.record(&self.vocabulary.keys[by]).is_some();
                (is_recorded || is_closed_by_it()) && !self.is_closed_like_that(call)
            }
            ErrorCode::ServiceError => {
                let asks = |(hold, close, by): (&Movement, &Close, usize)| {
                    (hold.key, hold.user, close.captured, by)
                };
                let is_same = |it: &Call| {
                    it.is_poisoned && it.closing().map(asks) == call.closing().map(asks)
                };
                let is_another = record.as_ref().is_some_and(|it| {
                    it.amount.as_ref() != Some(&self.vocabulary.decimal(close.amount))
                        || it.user_id.as_deref() != Some(self.vocabulary.users[hold.user].as_str())
                });
                self.calls.iter().any(is_same) || is_another
            }
            ErrorCode::CorruptBalance => self.was_ever(call, 0, |worth| worth.is_none()),
            _ => false,
        }
    }

    /// Whether a hold is closed as a call wants it, under the key of the call.
    fn is_closed_like_that(&self, call: &Call) -> bool {
        let (hold, close, by) = call.closing().unwrap();
        self.stored(hold).and_then(|it| it.hold).is_some_and(|it| {
            it.state == close.state()
                && it.closed_by.as_deref() == Some(self.vocabulary.keys[by].as_str())
                && it.captured == close.captured.map(|it| self.vocabulary.decimal(it))
        })
    }

    fn stored(&self, movement: &Movement) -> Option<ExistingRecord> {
        self.database.record(&self.vocabulary.keys[movement.key]).cloned()
    }

    fn is_own(&self, call: &Call, movement: &Movement) -> bool {
        let existing = self.stored(movement);
        let call_id = existing.and_then(|existing| match movement.part {
            Part::Closing(_) => existing.hold?.closing_call,
            Part::FreeKey => None,
            Part::Transaction | Part::Hold | Part::Rest { .. } => existing.call_id,
        });
        call_id == Some(call.id.to_string())
    }

    /// Whether all that it has written is there.
    fn owns(&self, call: &Call) -> bool {
        let written = call.movements.iter().filter(|it| it.part != Part::FreeKey);
        written.into_iter().all(|it| self.is_own(call, it))
    }

    fn has_own(&self, call: &Call) -> bool {
        call.movements.iter().any(|movement| self.is_own(call, movement))
    }

    fn is_replay(&self, call: &Call, told: &[ExistingRecord]) -> bool {
        if let Some((hold, _, _)) = call.closing() {
            let stored = self.stored(hold).and_then(|it| it.hold);
            let told = told.first().and_then(|it| it.hold.clone());
            return stored == told && self.is_closed_like_that(call);
        }
        let stored: Vec<_> = call.movements.iter().map(|it| self.stored(it)).collect();
        told.len() == stored.len()
            && stored.iter().zip(told).all(|(stored, told)| {
                // A hold may have been closed since.
                let hold = stored.as_ref().and_then(|stored| stored.hold.clone());
                let told = ExistingRecord { hold: told.hold.clone().and(hold), ..told.clone() };
                stored.as_ref() == Some(&told)
            })
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
        let since = |it: &Movement| match it.part {
            Part::Closing(_) => self.closed_since.get(&it.key),
            _ => self.since.get(&it.key),
        };
        let recorded = call.movements.iter().filter_map(since).min();
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
                        matches!(
                            answer,
                            Answer::Recorded
                                | Answer::Replayed
                                | Answer::Failed(
                                    ErrorCode::IdempotentKeyReused
                                        | ErrorCode::HoldCaptured
                                        | ErrorCode::HoldReleased
                                        | ErrorCode::HoldExpired
                                        | ErrorCode::HoldNotFound
                                )
                        )
                    })
            };
            let names = |it: &Movement| it.name() == movement.name();
            let of_doubtful = |other: &Call| {
                let has_done = |it: &Movement| names(it) && self.is_own(other, it);
                other.is_doubtful() && other.movements.iter().any(has_done)
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
