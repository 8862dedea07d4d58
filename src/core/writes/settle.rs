//! What the outcome of an attempt means for the calls of its batch.

use std::cell::LazyCell;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::{Batch, Task};
use super::{Replies, WriteQueue};
use crate::core::backoff::{self, Backoff};
use crate::core::epoch::Epoch;
use crate::core::group::Group;
use crate::core::outcome::{self, Funds, FundsOfUsers, Written};
use crate::error::BalanceError;
use crate::store::{Entry, EntryState, EpochEnding, ExistingRecord, Fault, Reason, Refusal};
use crate::transaction::UserId;

impl<T> WriteQueue<T> {
    pub(super) fn committed(&mut self, batch: &Batch, now: Instant) -> Replies<T> {
        for user_id in batch.users() {
            self.lane(user_id).succeed();
        }
        let mut replies = Vec::new();
        for (place, group) in &batch.groups {
            self.note_committed(batch, *place, group, now);
            // Only if others share the place.
            let states: LazyCell<Vec<EntryState>, _> = LazyCell::new(|| {
                let left = |it: &Entry| it.left().map_or(EntryState::Free, EntryState::Taken);
                group.entries().iter().map(left).collect()
            });
            self.answer_all(*place, &mut replies, |asked| {
                if asked.is_of_same_call(group) {
                    Ok(Written::Recorded)
                } else {
                    outcome::of_taken_keys(asked, &states)
                }
            });
        }
        replies
    }

    /// If nobody hears of it, whoever comes with one of its keys must not think that nothing was.
    fn note_committed(&mut self, batch: &Batch, place: u64, group: &Group, now: Instant) {
        let is_heard = !self.calls.place(place).is_empty();
        for entry in group.entries() {
            let name = entry.name();
            if !is_heard {
                self.abandoned.add(name, batch.epoch_of(name.user_id), now);
            } else if entry.leaves_a_trace() {
                // A key that only had to be free still is: whatever was sent under it before may arrive.
                self.abandoned.settle(name);
            }
        }
    }

    /// Nothing was written by this attempt, and the reasons are known.
    pub(super) fn refused(&mut self, batch: Batch, refusal: &Refusal, now: Instant) -> Replies<T> {
        assert_eq!(refusal.entries.len(), batch.write.entries.len(), "a state for each entry");
        assert_eq!(refusal.balances.len(), batch.write.balances.len(), "and for each balance");
        if batch.has_written(&refusal.entries) {
            return self.committed(&batch, now);
        }
        for user_id in batch.users() {
            self.lane(user_id).backoff = Backoff::default();
        }
        let later = batch.later_epochs(refusal);
        let is_over = !later.is_empty();
        for (user_id, epoch) in later {
            let lane = self.lane(&user_id);
            lane.seen_epoch = lane.seen_epoch.max(Some(epoch));
        }
        // With its epoch over or one of its keys taken no earlier attempt takes effect any more.
        if batch.is_uncertain && !is_over && !refusal.has_taken_key() {
            return self.end_own_epoch(batch, now);
        }
        let funds = self.funds_seen(&batch, refusal);
        match self.doubt_about_refused(&batch, refusal, &funds, now) {
            Some((user_id, epoch)) => self.end_epoch_of(batch, user_id, epoch, now),
            None => self.settle(&batch, refusal, funds, is_over),
        }
    }

    /// What the balances that refused the batch could pay for.
    fn funds_seen(&self, batch: &Batch, refusal: &Refusal) -> FundsOfUsers {
        let mut funds = FundsOfUsers::default();
        for (balance, refused) in batch.write.balances.iter().zip(&refusal.balances) {
            if let Some(refused) = refused {
                let seen = Funds::of(refused, &self.config.default_balance);
                funds.insert(balance.user_id.clone(), seen);
            }
        }
        funds
    }

    /// Of those who would be told now that a balance refused them: the last epoch of what may still
    /// arrive for their keys, on the first balance that has seen none later.
    fn doubt_about_refused(
        &self,
        batch: &Batch,
        refusal: &Refusal,
        funds: &FundsOfUsers,
        now: Instant,
    ) -> Option<(UserId, Epoch)> {
        let mut found: Option<(UserId, Epoch)> = None;
        for (place, group, states) in batch.with_states(&refusal.entries) {
            let is_uncovered = |group: &Group| funds.refusal_of(group).is_some();
            let would_be_refused = if are_free(states) {
                self.calls.callers(place).any(|call| is_uncovered(&call.group))
            } else {
                is_hold_refused(group, states)
            };
            if !would_be_refused {
                continue;
            }
            for name in group.names() {
                let user_id = name.user_id;
                if found.as_ref().is_none_or(|(first, _)| first == user_id)
                    && let Some(epoch) = self.doubt(name, now)
                {
                    let last = found.map_or(epoch, |(_, last)| last.max(epoch));
                    found = Some((user_id.clone(), last));
                }
            }
        }
        found
    }

    /// Answers those who were refused for good, and lets the others go on.
    fn settle(
        &mut self,
        batch: &Batch,
        refusal: &Refusal,
        funds: FundsOfUsers,
        is_over: bool,
    ) -> Replies<T> {
        let mut replies = Vec::new();
        for (place, group, states) in batch.with_states(&refusal.entries) {
            if states.contains(&EntryState::Unclear) {
                // What is in conflict may turn out to be a duplicate, which is told first.
            } else if are_free(states) {
                self.refuse_uncovered(place, group, batch.newest_call, &funds, &mut replies);
            } else {
                // If nobody hears of it, it is as unknown as before.
                if !self.calls.place(place).is_empty() {
                    self.settle_taken(group, states);
                }
                // A hold that was missing may have been created since, before others have come.
                let is_lasting = !states.contains(&EntryState::Missing);
                let last = if is_lasting { u64::MAX } else { batch.newest_call };
                let outcome = |asked: &Group| Some(outcome::of_taken_keys(asked, states));
                self.answer_up_to(last, place, &mut replies, outcome);
            }
        }
        let is_contradiction = replies.is_empty()
            && !is_over
            && refusal.balances.iter().any(Option::is_some)
            && refusal.entries.iter().all(|state| *state == EntryState::Free)
            && is_covered(batch, funds.clone());
        if is_contradiction {
            return self.divide(batch, &outcome::refused_although_covered());
        }
        let is_fruitless = replies.is_empty() && !is_over;
        self.learn(batch, funds, is_fruitless);
        self.requeue(batch);
        replies
    }

    /// What is known now of the balances of a batch that they refused. Those that did not refuse it are
    /// as good as before. Where nobody is any further, fewer travel together: to leave out some
    /// groups of several users may uncover others, one balance after the other.
    fn learn(&mut self, batch: &Batch, funds: FundsOfUsers, is_fruitless: bool) {
        for (user_id, seen) in batch.funds.clone().into_iter().chain(funds) {
            self.lane(&user_id).funds = Some(seen);
        }
        if is_fruitless && batch.write.balances.len() > 1 {
            for user_id in batch.users() {
                self.lane(user_id).max_groups = (batch.groups.len() / 2).max(1);
            }
        }
    }

    /// Of the calls of a place that were there when the request was composed, refuses those that the
    /// balances do not cover.
    fn refuse_uncovered(
        &mut self,
        place: u64,
        group: &Group,
        newest: u64,
        funds: &FundsOfUsers,
        replies: &mut Replies<T>,
    ) {
        let before = replies.len();
        let refusal = |asked: &Group| funds.refusal_of(asked).map(Err);
        self.answer_up_to(newest, place, replies, refusal);
        if replies.len() > before {
            // Its keys were free, and no earlier request can write them any more.
            self.settle_free(group);
        }
    }

    /// What has one of these keys has been recorded, or never will be. Of the others it is not known.
    fn settle_taken(&mut self, group: &Group, states: &[EntryState]) {
        for (name, state) in group.names().zip(states) {
            let is_known = match state {
                // Where the call's own key was taken, nobody asked whether others can still close it.
                EntryState::Taken(existing) => {
                    !name.is_closing || !existing.is_open_hold() || is_hold_refused(group, states)
                }
                EntryState::Free | EntryState::Missing | EntryState::Unclear => false,
            };
            if is_known {
                self.abandoned.settle(name);
            }
        }
    }

    /// Nothing is recorded under these keys. That a hold is open says that it is recorded, and nothing of
    /// whoever has done that.
    fn settle_free(&mut self, group: &Group) {
        for entry in group.entries() {
            if !matches!(entry, Entry::Closing(_)) {
                self.abandoned.settle(entry.name());
            }
        }
    }

    /// The content of a request was rejected, and nobody knows which group's.
    fn divide(&mut self, batch: &Batch, why: &BalanceError) -> Replies<T> {
        let mut replies = Vec::new();
        match batch.groups.as_slice() {
            [(place, group)] => {
                let rejection =
                    |asked: &Group| asked.asks_for_same(group).then(|| Err(why.clone()));
                self.answer_up_to(batch.newest_call, *place, &mut replies, rejection);
            }
            groups => {
                for user_id in batch.users() {
                    self.lane(user_id).max_groups = (groups.len() / 2).max(1);
                }
            }
        }
        self.requeue(batch);
        replies
    }

    /// Nothing is told before it is excluded that an earlier attempt takes effect.
    fn end_own_epoch(&mut self, batch: Batch, now: Instant) -> Replies<T> {
        let ending = batch.own_ending();
        self.end_epoch(batch, ending, now)
    }

    fn end_epoch_of(
        &mut self,
        batch: Batch,
        user_id: UserId,
        epoch: Epoch,
        now: Instant,
    ) -> Replies<T> {
        let undone = batch.own_ending().undone.filter(|_| batch.is_uncertain);
        self.end_epoch(batch, EpochEnding { user_id, epoch, undone }, now)
    }

    fn end_epoch(&mut self, mut batch: Batch, ending: EpochEnding, now: Instant) -> Replies<T> {
        batch.task = Task::EndEpoch(ending);
        self.keep(batch, now);
        Vec::new()
    }

    /// Nothing that was sent in the epoch takes effect any more: its calls are sent again.
    pub(super) fn epoch_ended(&mut self, batch: &Batch) -> Replies<T> {
        for user_id in batch.users() {
            self.lane(user_id).backoff = Backoff::default();
        }
        if let Task::EndEpoch(ending) = &batch.task {
            let lane = self.lane(&ending.user_id);
            lane.seen_epoch = lane.seen_epoch.max(Some(ending.epoch.next()));
        }
        self.go_on(batch)
    }

    /// The entry that was not to have been carried out has been, by an earlier attempt or by another
    /// call: either way no attempt takes effect any more.
    pub(super) fn key_taken(
        &mut self,
        batch: Batch,
        existing: ExistingRecord,
        now: Instant,
    ) -> Replies<T> {
        let mut entries = vec![EntryState::Taken(existing)];
        entries.resize(batch.write.entries.len(), EntryState::Unclear);
        let balances = vec![None; batch.write.balances.len()];
        self.refused(batch, &Refusal { entries, balances }, now)
    }

    /// An attempt brought no definite answer.
    pub(super) fn failed(
        &mut self,
        mut batch: Batch,
        fault: Fault,
        now: Instant,
        jitter: f64,
    ) -> Replies<T> {
        let is_write = batch.is_write();
        match fault {
            Fault::Unanswered(reason) => {
                batch.is_uncertain |= is_write;
                batch.backoff.fail(reason, now, |failures| backoff::pause(failures, jitter));
                self.keep(batch, now);
                Vec::new()
            }
            Fault::Contended(reason) => {
                let usual = self.in_flight.usual();
                let pause = |failures| backoff::pause_contended(failures, usual, jitter);
                self.pause(batch, &reason, now, pause)
            }
            Fault::NotTaken(reason) | Fault::Throttled(reason) => {
                self.pause(batch, &reason, now, |failures| backoff::pause(failures, jitter))
            }
            Fault::Rejected(_) if is_write && batch.is_uncertain => self.end_own_epoch(batch, now),
            Fault::Rejected(why) if is_write => self.rejected(batch, &why, now),
            Fault::Rejected(why) | Fault::Final(why) => self.give_up(&batch, &why, now),
        }
    }

    /// An attempt changed nothing. Unless an earlier one may have, its calls wait with the others,
    /// so that those who have come since leave with them.
    fn pause(
        &mut self,
        mut batch: Batch,
        reason: &Reason,
        now: Instant,
        pause: impl Fn(u32) -> Duration,
    ) -> Replies<T> {
        if batch.is_uncertain || !batch.is_write() {
            batch.backoff.fail(reason.clone(), now, pause);
            self.keep(batch, now);
            return Vec::new();
        }
        for user_id in batch.users() {
            let lane = self.lane(user_id);
            lane.backoff.fail(reason.clone(), now, &pause);
            let ends = lane.backoff.ends(now);
            self.pauses.extend(ends.map(|at| (at, super::Turn::Lane(user_id.clone()))));
        }
        self.go_on(&batch)
    }

    fn rejected(&mut self, batch: Batch, why: &BalanceError, now: Instant) -> Replies<T> {
        let doubt = match batch.groups.as_slice() {
            [(_, group)] => group.names().find_map(|name| {
                let epoch = self.doubt(name, now)?;
                Some((name.user_id.clone(), epoch))
            }),
            _ => None,
        };
        match doubt {
            Some((user_id, epoch)) => self.end_epoch_of(batch, user_id, epoch, now),
            None => self.divide(&batch, why),
        }
    }

    /// No attempt of a batch is worth trying any more.
    fn give_up(&mut self, batch: &Batch, why: &BalanceError, now: Instant) -> Replies<T> {
        if batch.is_uncertain {
            self.abandon(batch, now);
        }
        let mut replies = Vec::new();
        for (place, group) in &batch.groups {
            let is_unknown = batch.is_uncertain || self.is_unsettled(group, now);
            let error = self.config.ending.refused(is_unknown, why.clone());
            self.answer_all(*place, &mut replies, |_| Err(error.clone()));
        }
        replies
    }

    /// The calls of a batch wait with the others.
    pub(super) fn go_on(&mut self, batch: &Batch) -> Replies<T> {
        self.requeue(batch);
        Vec::new()
    }

    /// Answers the calls of a place up to a number, those of them for whom there is an outcome. The place
    /// stays, even empty.
    fn answer_up_to(
        &mut self,
        last: u64,
        place: u64,
        replies: &mut Replies<T>,
        outcome: impl Fn(&Group) -> Option<Result<Written, BalanceError>>,
    ) {
        let callers = self.calls.callers(place).take_while(|call| call.number <= last);
        let outcomes = callers.filter_map(|call| Some((call.number, outcome(&call.group)?)));
        for (number, outcome) in outcomes.collect::<Vec<_>>() {
            if let Some((call, _)) = self.calls.remove(number) {
                replies.push((call.reply, outcome));
            }
        }
    }

    /// Answers all calls of a place, which is gone then.
    pub(super) fn answer_all(
        &mut self,
        place: u64,
        replies: &mut Replies<T>,
        outcome: impl Fn(&Group) -> Result<Written, BalanceError>,
    ) {
        let calls = self.calls.remove_all(place).into_iter();
        replies.extend(calls.map(|call| (call.reply, outcome(&call.group))));
        self.remove_place(place);
    }
}

fn are_free(states: &[EntryState]) -> bool {
    states.iter().all(|state| *state == EntryState::Free)
}

/// Whether a call that closes a hold is refused although its own key is free, so that whatever was sent
/// under that key before must not take effect any more.
fn is_hold_refused(group: &Group, states: &[EntryState]) -> bool {
    match (group.as_closing(), states) {
        (Some(_), [EntryState::Missing, EntryState::Free]) => true,
        (Some(closing), [EntryState::Taken(existing), EntryState::Free]) => {
            !closing.is_done_in(existing)
        }
        _ => false,
    }
}

/// Whether all groups of a batch, one after the other, are paid for.
fn is_covered(batch: &Batch, mut funds: FundsOfUsers) -> bool {
    batch.groups.iter().all(|(_, group)| funds.take(group))
}
