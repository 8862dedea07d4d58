//! The lane of one user: which transactions travel together, and what to do when part of them is
//! refused. Pure decisions: no I/O, no clock, no randomness of its own.
//!
//! The first call leaves at once. Those that arrive while it is in flight leave together when it
//! returns, in one request, so that a busy account does not conflict with itself. All calls of a
//! batch are concurrent, so that any serial order of them is a valid one. Calls with one key share
//! a place: one of them is sent, and the others are answered by what it learns.
//!
//! Whoever drives a lane tells it what happens (`push`, `cancel`, `on_completed`, `on_lost`,
//! `on_timeout`), then sends what `next_attempt` gives until that is nothing, and calls
//! `on_timeout` at the latest at `next_timeout`. Time never goes backwards.

mod batch;
mod calls;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::abandoned::Abandoned;
use crate::core::backoff::{self, Backoff};
use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::indefinite::Ending;
use crate::core::outcome::{self, Coverage};
use crate::error::BalanceError;
use crate::money::Decimal;
use crate::store::{
    Attempt, EpochAnswer, ExistingRecord, Fault, Reason, Record, RecordState, Refusal,
    RefusedBalance, WriteAnswer,
};
use crate::transaction::{IdempotentKey, UserId};
use batch::{Batch, Leaving};
use calls::Calls;
pub use calls::PendingWrite;

/// A transaction of DynamoDB has at most 100 actions, and one of them is the balance's.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems.
pub const MAX_RECORDS: usize = 99;

/// Requests whose outcome is unknown are repeated beside the lane, so that they do not hold it up.
/// With as many as this the user's table or network is in trouble, and the others wait.
const MAX_UNCERTAIN: usize = 4;

/// How long before its deadline a call is tried again for the last time, unless a tenth of its time
/// is shorter: DynamoDB answers in a fraction of that.
const LAST_CHANCE: Duration = Duration::from_millis(100);

/// How many deadlines are looked at in one go, so that nobody else waits for it.
const MAX_TIMEOUTS_AT_ONCE: usize = 1_000;

/// What holds for all lanes of a client.
#[derive(Clone, Debug)]
pub struct Config {
    pub ending: Ending,
    pub default_balance: Decimal,
    pub attempt_timeout: Duration,
}

/// Something to be sent now. `R` is the request as the store has prepared it; it comes back with
/// the outcome.
#[derive(Debug)]
pub struct WriteAttempt<R> {
    pub batch: u64,
    pub request: R,
    pub action: Action,
    pub attempt: Attempt,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request.
    Write,
    /// Make sure that no request of an epoch takes effect any more. If one of the batch may have,
    /// its first record has to be absent.
    EndEpoch { epoch: Epoch, absent: Option<Arc<Record>> },
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub enum Completion {
    Write(Result<WriteAnswer, Fault>),
    EndEpoch(Result<EpochAnswer, Fault>),
}

/// Who is to be told what.
pub type Replies<T> = Vec<(T, Result<(), BalanceError>)>;

/// Why a call ends without having been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Deadline,
    Cancelled,
}

#[derive(Debug)]
pub struct Lane<T, R> {
    config: Arc<Config>,
    user_id: UserId,
    calls: Calls<T>,
    batches: Vec<Batch<R>>,
    next_batch: u64,
    /// How many records may travel together: fewer after a batch was rejected for its content,
    /// until the one at fault stands alone.
    max_records: usize,
    /// After a fault that changed nothing, those waiting pause.
    backoff: Backoff,
    /// The latest epoch that the balance was seen to have.
    seen_epoch: Option<Epoch>,
}

impl<T, R> Lane<T, R> {
    pub fn new(config: Arc<Config>, user_id: UserId) -> Self {
        Self {
            config,
            user_id,
            calls: Calls::default(),
            batches: Vec::new(),
            next_batch: 0,
            max_records: MAX_RECORDS,
            backoff: Backoff::default(),
            seen_epoch: None,
        }
    }

    /// Takes in a call.
    pub fn push(&mut self, call: PendingWrite<T>) {
        let batch = self.calls.push(call);
        if let Some(batch) = batch.and_then(|number| self.batch_mut(number)) {
            batch.waiting += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.batches.is_empty()
    }

    /// What is to be sent now, if anything. To be asked until there is nothing more. `epoch` is the
    /// present one.
    pub fn next_attempt(
        &mut self,
        now: Instant,
        epoch: Epoch,
        prepare: impl FnOnce(Epoch, &[Arc<Record>]) -> R,
    ) -> Option<WriteAttempt<R>> {
        // Those who go on after a refusal may find another request of the lane in flight.
        let is_busy = self.batches.iter().any(|it| it.is_in_flight() && !it.is_uncertain);
        let is_next = |it: &Batch<R>| it.is_ready(now) && (it.is_uncertain || !is_busy);
        let ready = self.batches.iter().position(is_next).or_else(|| {
            let keys = if self.is_held(now) { Vec::new() } else { self.gather(now) };
            (!keys.is_empty()).then(|| {
                self.form(keys);
                self.batches.len() - 1
            })
        })?;
        self.compose(ready, epoch, prepare);
        let batch = self.batches.get_mut(ready)?;
        let last_deadline = self.calls.last_deadline(&batch.keys);
        let attempt_ends = now + self.config.attempt_timeout;
        let until = last_deadline.map_or(attempt_ends, |deadline| deadline.min(attempt_ends));
        batch.begin_attempt(until)
    }

    /// Takes in the outcome of an attempt.
    pub fn on_completed(
        &mut self,
        number: u64,
        request: R,
        completion: Completion,
        now: Instant,
        jitter: f64,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let Some(mut batch) = self.take(number) else { return Vec::new() };
        let was_called_back = batch.end_attempt(request);
        match completion {
            Completion::Write(Ok(WriteAnswer::Committed)) => self.committed(&batch, now, abandoned),
            Completion::Write(Ok(WriteAnswer::Refused(refusal))) => {
                self.refused(batch, &refusal, now, abandoned)
            }
            Completion::EndEpoch(Ok(EpochAnswer::Ended)) => self.epoch_ended(&batch),
            Completion::EndEpoch(Ok(EpochAnswer::KeyTaken(existing))) => {
                // By an earlier attempt, or by another call, so that none takes effect any more.
                let mut records = vec![RecordState::Taken(existing)];
                records.resize(batch.records.len(), RecordState::Unclear);
                self.refused(batch, &Refusal { records, balance: None }, now, abandoned)
            }
            // Whoever called it back was answered, and the others have lost nothing.
            Completion::Write(Err(_)) if was_called_back => self.go_on(&batch),
            Completion::Write(Err(fault)) | Completion::EndEpoch(Err(fault)) => {
                self.failed(batch, fault, now, jitter, abandoned)
            }
        }
    }

    /// Takes in that an attempt got lost inside this package: it may have taken effect.
    pub fn on_lost(
        &mut self,
        number: u64,
        why: &BalanceError,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let Some(batch) = self.take(number) else { return Vec::new() };
        let mut replies = Vec::new();
        batch.abandon(&self.user_id, now, abandoned);
        for key in &batch.keys {
            let calls = self.calls.settle(key).into_iter();
            replies.extend(calls.map(|call| (call.reply, Err(why.clone()))));
        }
        replies
    }

    /// Answers those whose deadline has passed; some of them, if there are very many, and the rest
    /// the next time.
    pub fn on_timeout(&mut self, now: Instant, abandoned: &mut Abandoned) -> Replies<T> {
        let mut replies = Vec::new();
        while replies.len() < MAX_TIMEOUTS_AT_ONCE
            && let Some(number) = self.calls.first_overdue(now)
        {
            replies.extend(self.end(number, End::Deadline, now, abandoned));
        }
        self.drop_deserted(now, abandoned);
        replies
    }

    /// Answers a call whose caller does not want to wait any longer.
    pub fn cancel(
        &mut self,
        number: u64,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Option<(T, Result<(), BalanceError>)> {
        let reply = self.end(number, End::Cancelled, now, abandoned);
        self.drop_deserted(now, abandoned);
        reply
    }

    /// When to ask again although nothing has happened: a pause ends, or a deadline passes.
    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let pause = self.backoff.ends(now).filter(|_| self.calls.queue_length() > 0);
        let batches = self.batches.iter().filter_map(|batch| batch.next_timeout(now));
        self.calls.first_deadline().into_iter().chain(pause).chain(batches).min()
    }

    /// Whether a call had better not be tried again: an attempt that its deadline cuts short leaves
    /// the outcome unknown, where up to now it is certain that nothing happened.
    fn is_too_late(&self, call: &PendingWrite<T>, now: Instant) -> bool {
        let last_chance = LAST_CHANCE.min(self.config.ending.call_timeout / 10);
        call.deadline <= now || (self.backoff.has_failed() && call.deadline < now + last_chance)
    }

    /// Whether those waiting have to go on waiting: for a request that is in flight, for one that
    /// goes next, or for the end of a pause.
    fn is_held(&self, now: Instant) -> bool {
        !self.backoff.is_over(now)
            || self.batches.len() >= MAX_UNCERTAIN
            || self.batches.iter().any(|batch| !batch.is_uncertain)
    }

    /// Chooses those that leave next, in order of arrival.
    fn gather(&self, now: Instant) -> Vec<IdempotentKey> {
        let mut movement = BalanceChange::default();
        let mut keys = Vec::new();
        for (key, call) in self.calls.queued() {
            if keys.len() == self.max_records {
                break;
            }
            if self.is_too_late(call, now) {
                continue;
            }
            // A sum of more digits than DynamoDB holds would fail them all. Most calls are alone.
            let is_alone = keys.is_empty() && self.calls.queue_length() == 1;
            if is_alone || movement.add_if_storable(&call.record.transaction) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// Puts a batch on the list of those that may leave.
    fn form(&mut self, keys: Vec<IdempotentKey>) {
        self.next_batch += 1;
        let waiting = self.calls.join_batch(&keys, self.next_batch);
        self.batches.push(Batch::new(self.next_batch, keys, waiting));
    }

    /// Before its first attempt a batch becomes a request. Whoever has left by then was told that
    /// nothing happened, and is not part of it.
    fn compose(
        &mut self,
        position: usize,
        epoch: Epoch,
        prepare: impl FnOnce(Epoch, &[Arc<Record>]) -> R,
    ) {
        let Some(batch) = self.batches.get_mut(position).filter(|it| !it.is_composed()) else {
            return;
        };
        let records = self.calls.records(&batch.keys);
        assert!(!records.is_empty() && records.len() <= MAX_RECORDS, "a batch has 1 to 99 records");
        let epoch = self.seen_epoch.map_or(epoch, |seen| seen.max(epoch));
        let request = prepare(epoch, &records);
        batch.compose(records, epoch, self.calls.newest(), request);
    }

    fn take(&mut self, number: u64) -> Option<Batch<R>> {
        let position = self.batches.iter().position(|batch| batch.number == number)?;
        Some(self.batches.remove(position))
    }

    fn batch_mut(&mut self, number: u64) -> Option<&mut Batch<R>> {
        self.batches.iter_mut().find(|batch| batch.number == number)
    }

    /// Batches that nobody waits for any more are not sent again. What may still arrive is noted.
    fn drop_deserted(&mut self, now: Instant, abandoned: &mut Abandoned) {
        let is_deserted = |batch: &mut Batch<R>| batch.waiting == 0 && !batch.is_in_flight();
        for batch in self.batches.extract_if(.., is_deserted) {
            if batch.is_uncertain {
                batch.abandon(&self.user_id, now, abandoned);
            }
            self.calls.requeue(&batch.keys);
        }
    }

    /// A call ends without an answer.
    fn end(
        &mut self,
        number: u64,
        end: End,
        now: Instant,
        abandoned: &Abandoned,
    ) -> Option<(T, Result<(), BalanceError>)> {
        let (call, batch) = self.calls.remove(number)?;
        let key = &call.record.transaction.idempotent_key;
        let batch = batch.and_then(|number| self.batch_mut(number));
        let (in_doubt, reason) = match batch {
            None => (false, self.backoff.reason().cloned()),
            Some(batch) => {
                let in_doubt = batch.leave() == Leaving::MayHaveEffect;
                let otherwise = if in_doubt { unanswered() } else { unsent() };
                (in_doubt, Some(batch.backoff.reason().cloned().unwrap_or(otherwise)))
            }
        };
        let is_unknown = in_doubt || self.is_unsettled(key, now, abandoned);
        let ending = self.config.ending;
        let error = match end {
            End::Deadline => ending.at_deadline(is_unknown, reason),
            End::Cancelled => ending.cancelled(is_unknown),
        };
        Some((call.reply, Err(error)))
    }

    /// The last epoch of what may still arrive for a key, sent by calls that have ended.
    fn doubt(&self, key: &IdempotentKey, now: Instant, abandoned: &Abandoned) -> Option<Epoch> {
        let epoch = abandoned.last_epoch(key, &self.user_id, now);
        epoch.filter(|epoch| !epoch.is_over(self.seen_epoch))
    }

    /// Whether it is unknown what became of an earlier call with a key. Then nobody who calls with it
    /// is told that nothing happened before there was an answer.
    fn is_unsettled(&self, key: &IdempotentKey, now: Instant, abandoned: &Abandoned) -> bool {
        abandoned.contains(key, &self.user_id, now) || self.doubt(key, now, abandoned).is_some()
    }

    fn committed(
        &mut self,
        batch: &Batch<R>,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        self.backoff = Backoff::default();
        self.max_records = self.max_records.saturating_mul(2).min(MAX_RECORDS);
        let mut replies = Vec::new();
        for record in &batch.records {
            let key = &record.transaction.idempotent_key;
            let calls = self.calls.settle(key);
            match batch.epoch {
                // Nobody hears of it: whoever comes with this key must not think that nothing was.
                Some(epoch) if calls.is_empty() => abandoned.add(key, &self.user_id, epoch, now),
                _ => abandoned.settle(key, &self.user_id),
            }
            replies.extend(calls.into_iter().map(|call| {
                let outcome = if call.record.call_id == record.call_id {
                    Ok(())
                } else {
                    outcome::judge_taken_key(&call.record, &ExistingRecord::from(&**record))
                };
                (call.reply, outcome)
            }));
        }
        replies
    }

    /// Nothing was written by this attempt, and the reasons are known.
    fn refused(
        &mut self,
        batch: Batch<R>,
        refusal: &Refusal,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        assert_eq!(refusal.records.len(), batch.records.len(), "a state for each record");
        if batch.has_written(&refusal.records) {
            return self.committed(&batch, now, abandoned);
        }
        self.backoff = Backoff::default();
        let is_over = self.see(&batch, refusal);
        // With its epoch over or one of its keys taken no earlier attempt takes effect any more.
        if batch.is_uncertain && !is_over && !refusal.has_taken_key() {
            return self.end_own_epoch(batch, now, abandoned);
        }
        match self.doubt_about_refused(&batch, refusal, now, abandoned) {
            Some(epoch) => self.end_epoch(batch, epoch, now, abandoned),
            None => self.settle(&batch, refusal, abandoned),
        }
    }

    /// Learns the balance's epoch. `true`: it is later than the batch's.
    fn see(&mut self, batch: &Batch<R>, refusal: &Refusal) -> bool {
        let seen = refusal.balance.as_ref().and_then(|it| it.epoch);
        let is_over = batch.epoch.is_some_and(|epoch| epoch.is_over(seen));
        if is_over {
            self.seen_epoch = self.seen_epoch.max(seen);
        }
        is_over
    }

    /// Of those who would be told now that the balance refused them: the last epoch of what may
    /// still arrive for their keys.
    fn doubt_about_refused(
        &self,
        batch: &Batch<R>,
        refusal: &Refusal,
        now: Instant,
        abandoned: &Abandoned,
    ) -> Option<Epoch> {
        let coverage =
            Coverage::of(&refusal.balance.as_ref()?.balance, &self.config.default_balance);
        let states = batch.records.iter().zip(&refusal.records);
        let free = states.filter(|(_, state)| **state == RecordState::Free);
        let in_doubt = free.filter_map(|(record, _)| {
            let key = &record.transaction.idempotent_key;
            let mut callers = self.calls.callers(key);
            callers.find(|call| coverage.refusal_of(&call.record.transaction).is_some())?;
            self.doubt(key, now, abandoned)
        });
        in_doubt.max()
    }

    /// Answers those who were refused for good, and lets the others go on.
    fn settle(
        &mut self,
        batch: &Batch<R>,
        refusal: &Refusal,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let mut replies = Vec::new();
        for (record, state) in batch.records.iter().zip(&refusal.records) {
            if let RecordState::Taken(existing) = state {
                let key = &record.transaction.idempotent_key;
                abandoned.settle(key, &self.user_id);
                let callers = self.calls.settle(key).into_iter();
                replies.extend(callers.map(|call| {
                    let outcome = outcome::judge_taken_key(&call.record, existing);
                    (call.reply, outcome)
                }));
            }
        }
        match &refusal.balance {
            None => self.calls.requeue(&batch.keys),
            Some(refused) => {
                self.settle_balance(batch, refusal, refused, &mut replies, abandoned);
            }
        }
        replies
    }

    /// The balance did not allow the batch. Whoever it does not cover alone was refused at that
    /// instant. Of the others, those go next that it covers together, in order of arrival.
    fn settle_balance(
        &mut self,
        batch: &Batch<R>,
        refusal: &Refusal,
        refused: &RefusedBalance,
        replies: &mut Replies<T>,
        abandoned: &mut Abandoned,
    ) {
        let is_over = batch.epoch.is_some_and(|epoch| epoch.is_over(refused.epoch));
        let coverage = Coverage::of(&refused.balance, &self.config.default_balance);
        let mut going = Vec::new();
        for (record, state) in batch.records.iter().zip(&refusal.records) {
            let key = &record.transaction.idempotent_key;
            // A record in conflict may turn out to be a duplicate, which is told first.
            if *state == RecordState::Free {
                let refused = self.refuse(key, batch.newest_call, &coverage);
                if !refused.is_empty() {
                    // Its record was not there, and no earlier request can write it any more.
                    abandoned.settle(key, &self.user_id);
                }
                replies.extend(refused);
            }
            if let Some(call) = self.calls.callers(key).next()
                && coverage.refusal_of(&call.record.transaction).is_none()
            {
                going.push((key.clone(), call.record.transaction.clone()));
            }
        }
        let mut covered = coverage.with_credits(going.iter().map(|(_, transaction)| transaction));
        going.retain(|(_, transaction)| covered.take(transaction));
        let going: Vec<IdempotentKey> = going.into_iter().map(|(key, _)| key).collect();
        let is_going: HashSet<&IdempotentKey> = going.iter().collect();
        let staying: Vec<_> =
            batch.keys.iter().filter(|key| !is_going.contains(key)).cloned().collect();
        self.calls.requeue(&staying);
        if going.len() == batch.records.len() && !is_over {
            replies.extend(self.divide(batch, &outcome::refused_although_covered()));
        } else if !going.is_empty() {
            self.form(going);
        }
    }

    /// Of the calls with a key that were there when the request was composed, refuses those that
    /// the balance does not cover.
    fn refuse(&mut self, key: &IdempotentKey, newest: u64, coverage: &Coverage) -> Replies<T> {
        let is_refused = |call: &PendingWrite<T>| {
            let refusal = coverage.refusal_of(&call.record.transaction);
            refusal.filter(|_| call.number <= newest).map(|error| (call.number, error))
        };
        let refused: Vec<_> = self.calls.callers(key).filter_map(is_refused).collect();
        let replies = refused.into_iter().filter_map(|(number, error)| {
            self.calls.remove(number).map(|(call, _)| (call.reply, Err(error)))
        });
        replies.collect()
    }

    /// The content of a request was rejected, and nobody knows which record's.
    fn divide(&mut self, batch: &Batch<R>, why: &BalanceError) -> Replies<T> {
        let mut replies = Vec::new();
        match batch.records.as_slice() {
            [record] => {
                let key = &record.transaction.idempotent_key;
                let is_same = |call: &&PendingWrite<T>| {
                    call.number <= batch.newest_call
                        && call.record.transaction == record.transaction
                };
                let same: Vec<u64> =
                    self.calls.callers(key).filter(is_same).map(|call| call.number).collect();
                let calls = same.into_iter().filter_map(|number| self.calls.remove(number));
                replies.extend(calls.map(|(call, _)| (call.reply, Err(why.clone()))));
            }
            records => self.max_records = records.len() / 2,
        }
        self.calls.requeue(&batch.keys);
        replies
    }

    /// Nothing is told before it is excluded that an earlier attempt takes effect.
    fn end_own_epoch(
        &mut self,
        batch: Batch<R>,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        match batch.epoch {
            Some(epoch) => self.end_epoch(batch, epoch, now, abandoned),
            None => self.go_on(&batch),
        }
    }

    fn end_epoch(
        &mut self,
        mut batch: Batch<R>,
        epoch: Epoch,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let absent = batch.records.first().filter(|_| batch.is_uncertain).cloned();
        batch.action = Action::EndEpoch { epoch, absent };
        self.keep(batch, now, abandoned)
    }

    /// Nothing that was sent in the epoch takes effect any more: its calls are sent again.
    fn epoch_ended(&mut self, batch: &Batch<R>) -> Replies<T> {
        self.backoff = Backoff::default();
        if let Action::EndEpoch { epoch, .. } = batch.action {
            self.seen_epoch = self.seen_epoch.max(Some(epoch.next()));
        }
        self.go_on(batch)
    }

    /// An attempt brought no definite answer.
    fn failed(
        &mut self,
        mut batch: Batch<R>,
        fault: Fault,
        now: Instant,
        jitter: f64,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let is_write = batch.action == Action::Write;
        match fault {
            Fault::Unanswered(reason) => {
                batch.is_uncertain |= is_write;
                batch.backoff.fail(reason, now, |failures| backoff::pause(failures, jitter));
                self.keep(batch, now, abandoned)
            }
            Fault::Contended(reason) => {
                let pause = |failures| backoff::pause_contended(failures, jitter);
                self.pause(batch, reason, now, pause, abandoned)
            }
            Fault::NotTaken(reason) | Fault::Throttled(reason) => {
                let pause = |failures| backoff::pause(failures, jitter);
                self.pause(batch, reason, now, pause, abandoned)
            }
            Fault::Rejected(_) if is_write && batch.is_uncertain => {
                self.end_own_epoch(batch, now, abandoned)
            }
            Fault::Rejected(why) if is_write => self.rejected(batch, &why, now, abandoned),
            Fault::Rejected(why) | Fault::Final(why) => self.give_up(&batch, &why, now, abandoned),
        }
    }

    /// An attempt changed nothing. Unless an earlier one may have, its calls wait with the others,
    /// so that those who have come since leave with them.
    fn pause(
        &mut self,
        mut batch: Batch<R>,
        reason: Reason,
        now: Instant,
        pause: impl FnOnce(u32) -> Duration,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        if batch.is_uncertain || batch.action != Action::Write {
            batch.backoff.fail(reason, now, pause);
            return self.keep(batch, now, abandoned);
        }
        self.backoff.fail(reason, now, pause);
        self.go_on(&batch)
    }

    fn rejected(
        &mut self,
        batch: Batch<R>,
        why: &BalanceError,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let doubt = match batch.keys.as_slice() {
            [key] => self.doubt(key, now, abandoned),
            _ => None,
        };
        match doubt {
            Some(epoch) => self.end_epoch(batch, epoch, now, abandoned),
            None => self.divide(&batch, why),
        }
    }

    /// No attempt of a batch is worth trying any more.
    fn give_up(
        &mut self,
        batch: &Batch<R>,
        why: &BalanceError,
        now: Instant,
        abandoned: &mut Abandoned,
    ) -> Replies<T> {
        let mut replies = Vec::new();
        if batch.is_uncertain {
            batch.abandon(&self.user_id, now, abandoned);
        }
        for key in &batch.keys {
            let is_unknown = batch.is_uncertain || self.is_unsettled(key, now, abandoned);
            let error = self.config.ending.refused(is_unknown, why.clone());
            let calls = self.calls.settle(key).into_iter();
            replies.extend(calls.map(|call| (call.reply, Err(error.clone()))));
        }
        replies
    }

    fn keep(&mut self, batch: Batch<R>, now: Instant, abandoned: &mut Abandoned) -> Replies<T> {
        self.batches.push(batch);
        self.drop_deserted(now, abandoned);
        Vec::new()
    }

    /// The calls of a batch wait with the others.
    fn go_on(&mut self, batch: &Batch<R>) -> Replies<T> {
        self.calls.requeue(&batch.keys);
        Vec::new()
    }
}

fn unanswered() -> Reason {
    Reason { summary: "DynamoDB did not answer in time".to_owned(), cause: None }
}

fn unsent() -> Reason {
    Reason { summary: "the request could not be sent in time".to_owned(), cause: None }
}

#[cfg(test)]
mod tests;
