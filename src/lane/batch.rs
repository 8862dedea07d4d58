//! Transactions that travel in one request.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Errand, Member, Task};
use crate::error::BalanceError;
use crate::store::{CallId, Reason, Record, RecordState, Refusal};
use crate::verdict;

#[derive(Debug)]
pub struct Batch<T, R> {
    pub number: u64,
    /// What a fence against this request carries.
    pub request_id: CallId,
    /// What the request says, whoever still waits for the answer. Empty before it is prepared.
    pub records: Vec<Arc<Record>>,
    /// In the order of the records; `None` for those who have left.
    pub members: Vec<Option<Member<T>>>,
    /// `None` before it is prepared and while it is under way.
    pub request: Option<R>,
    pub is_under_way: bool,
    /// An attempt may have taken effect, or may still do. From then on the request stays what it
    /// is until that is excluded.
    pub is_uncertain: bool,
    pub task: Task,
    /// What applies once it is excluded that an earlier attempt takes effect.
    pub doubt: Option<Doubt>,
    pub faults: u32,
    pub last_reason: Option<Reason>,
    rests_until: Option<Instant>,
    until: Option<Instant>,
}

/// An answer that is not final as long as an earlier attempt may still take effect.
#[derive(Debug)]
pub enum Doubt {
    Refused(Refusal),
    Rejected(BalanceError),
}

impl<T, R> Batch<T, R> {
    pub fn new(number: u64, members: Vec<Member<T>>) -> Self {
        Self {
            number,
            request_id: CallId::unique(),
            records: Vec::new(),
            members: members.into_iter().map(Some).collect(),
            request: None,
            is_under_way: false,
            is_uncertain: false,
            task: Task::Write,
            doubt: None,
            faults: 0,
            last_reason: None,
            rests_until: None,
            until: None,
        }
    }

    pub fn is_ready(&self, now: Instant) -> bool {
        !self.is_under_way && self.rests_until.is_none_or(|until| until <= now)
    }

    /// An attempt begins. It ends with its own deadline or that of the member with the most
    /// patience.
    pub fn depart(
        &mut self,
        attempt_ends: Instant,
        prepare: impl FnOnce(CallId, &[Arc<Record>]) -> R,
    ) -> Errand<R> {
        let request = self.request.take().unwrap_or_else(|| self.prepare(prepare));
        let last_deadline = self.members.iter().flatten().map(|member| member.deadline).max();
        let until = last_deadline.map_or(attempt_ends, |deadline| deadline.min(attempt_ends));
        self.is_under_way = true;
        self.until = Some(until);
        Errand { batch: self.number, request, task: self.task.clone(), until }
    }

    /// Whoever has left before the first attempt was told that nothing happened, and is not part
    /// of the request.
    fn prepare(&mut self, prepare: impl FnOnce(CallId, &[Arc<Record>]) -> R) -> R {
        self.members.retain(Option::is_some);
        let members = self.members.iter().flatten();
        self.records = members.map(|member| Arc::clone(&member.record)).collect();
        prepare(self.request_id, &self.records)
    }

    pub fn rest(&mut self, until: Instant, reason: Reason) {
        self.rests_until = Some(until);
        self.faults = self.faults.saturating_add(1);
        self.last_reason = Some(reason);
    }

    /// An answer arrived, but an earlier attempt may still take effect: that is excluded first.
    pub fn doubt_about(&mut self, doubt: Doubt, standing: Vec<CallId>) {
        self.doubt = Some(doubt);
        self.task = Task::Fence(standing);
    }

    /// Whether it may have taken effect, as far as anybody knows now.
    pub fn is_in_doubt(&self) -> bool {
        self.is_uncertain || self.is_under_way
    }

    /// Whether one of these is a record that an earlier attempt wrote, which then wrote them all.
    pub fn has_written(&self, found: &[RecordState]) -> bool {
        let is_own = |(record, state): (&Arc<Record>, &RecordState)| match state {
            RecordState::Taken(existing) => verdict::is_of_same_call(record, existing),
            RecordState::Free | RecordState::Unclear => false,
        };
        self.is_uncertain
            && self.records.iter().zip(found).any(is_own)
            && !found.contains(&RecordState::Free)
    }

    /// Takes out the members who do not wait any longer. Their records stay in the request.
    pub fn leave(&mut self, is_leaving: impl Fn(&Member<T>) -> bool) -> Vec<Member<T>> {
        let leaving = self.members.iter_mut().filter(|it| it.as_ref().is_some_and(&is_leaving));
        leaving.filter_map(Option::take).collect()
    }

    pub fn is_deserted(&self) -> bool {
        self.members.iter().all(Option::is_none)
    }

    pub fn into_members(self) -> Vec<Member<T>> {
        self.members.into_iter().flatten().collect()
    }

    /// While under way, the end of the attempt wakes everybody up who waits as long as that.
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let deadline = self.members.iter().flatten().map(|member| member.deadline).min();
        if self.is_under_way {
            deadline.filter(|&deadline| self.until.is_none_or(|until| deadline < until))
        } else {
            let rest = self.rests_until.filter(|&until| until > now);
            deadline.into_iter().chain(rest).min()
        }
    }
}
