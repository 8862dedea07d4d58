//! Transactions that travel in one request.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Action, WriteAttempt};
use crate::core::abandoned::Abandoned;
use crate::core::backoff::Backoff;
use crate::core::epoch::Epoch;
use crate::core::outcome;
use crate::store::{Attempt, Record, RecordState};
use crate::transaction::{IdempotentKey, UserId};

#[derive(Debug)]
pub struct Batch<R> {
    pub number: u64,
    /// Of the calls that it was formed of; those of its records, once it is composed.
    pub keys: Vec<IdempotentKey>,
    /// What the request says, whoever still waits for the answer. Empty before it is composed.
    pub records: Vec<Arc<Record>>,
    /// In which the request was composed.
    pub epoch: Option<Epoch>,
    /// How many calls wait for it.
    pub waiting: usize,
    /// Calls up to this number were there when it was composed.
    pub newest_call: u64,
    pub action: Action,
    /// An attempt may have taken effect, or may still do. From then on the request stays what it
    /// is until that is excluded.
    pub is_uncertain: bool,
    pub backoff: Backoff,
    /// `None` before it is composed and while it is in flight.
    request: Option<R>,
    in_flight: Option<Attempt>,
    is_called_back: bool,
}

/// What it means for a caller to leave a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Nothing was sent, and nothing will be.
    Unsent,
    MayHaveEffect,
}

impl<R> Batch<R> {
    pub fn new(number: u64, keys: Vec<IdempotentKey>, waiting: usize) -> Self {
        Self {
            number,
            keys,
            records: Vec::new(),
            epoch: None,
            waiting,
            newest_call: 0,
            action: Action::Write,
            is_uncertain: false,
            backoff: Backoff::default(),
            request: None,
            in_flight: None,
            is_called_back: false,
        }
    }

    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    pub fn is_composed(&self) -> bool {
        self.epoch.is_some()
    }

    pub fn is_ready(&self, now: Instant) -> bool {
        !self.is_in_flight() && self.backoff.is_over(now)
    }

    /// From now on it is this request, in this epoch.
    pub fn compose(
        &mut self,
        records: Vec<Arc<Record>>,
        epoch: Epoch,
        newest_call: u64,
        request: R,
    ) {
        self.keys = records.iter().map(|it| it.transaction.idempotent_key.clone()).collect();
        self.records = records;
        self.epoch = Some(epoch);
        self.newest_call = newest_call;
        self.request = Some(request);
    }

    /// An attempt begins.
    pub fn begin_attempt(&mut self, until: Instant) -> Option<WriteAttempt<R>> {
        let attempt = Attempt::until(until);
        let request = self.request.take()?;
        self.in_flight = Some(attempt.clone());
        Some(WriteAttempt { batch: self.number, request, action: self.action.clone(), attempt })
    }

    /// An attempt has ended. `true`: it was called back before it was sent.
    pub fn end_attempt(&mut self, request: R) -> bool {
        self.request = Some(request);
        self.in_flight = None;
        std::mem::take(&mut self.is_called_back)
    }

    /// One of its callers does not wait any longer. An attempt that was not sent is called back:
    /// who is told that nothing happened must be right.
    pub fn leave(&mut self) -> Leaving {
        self.waiting = self.waiting.saturating_sub(1);
        if self.is_uncertain {
            return Leaving::MayHaveEffect;
        }
        match &self.in_flight {
            Some(attempt) if self.action == Action::Write => {
                self.is_called_back = attempt.gate.revoke();
                if self.is_called_back { Leaving::Unsent } else { Leaving::MayHaveEffect }
            }
            _ => Leaving::Unsent,
        }
    }

    /// Nobody of this client asks for it again, and it may still arrive.
    pub fn abandon(&self, user_id: &UserId, now: Instant, abandoned: &mut Abandoned) {
        for key in &self.keys {
            if let Some(epoch) = self.epoch {
                abandoned.add(key, user_id, epoch, now);
            }
        }
    }

    /// Whether one of these is a record that an earlier attempt wrote, which then wrote them all.
    pub fn has_written(&self, found: &[RecordState]) -> bool {
        let is_own = |(record, state): (&Arc<Record>, &RecordState)| match state {
            RecordState::Taken(existing) => outcome::is_of_same_call(record, existing),
            RecordState::Free | RecordState::Unclear => false,
        };
        self.is_uncertain
            && self.records.iter().zip(found).any(is_own)
            && !found.contains(&RecordState::Free)
    }

    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        if self.is_in_flight() { None } else { self.backoff.ends(now) }
    }
}
