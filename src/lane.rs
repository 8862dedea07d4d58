//! The lane of one user: which transactions travel together, and what to do when part of them is
//! refused. Pure decisions: no I/O, no clock, no randomness of its own.
//!
//! The first call leaves at once. Those that arrive while it is under way leave together when it
//! returns, in one request, so that a busy account does not conflict with itself. All members of a
//! batch are concurrent, so that any serial order of them is a valid one.

mod batch;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::ending::Ending;
use crate::error::BalanceError;
use crate::money::Decimal;
use crate::movement::Movement;
use crate::retry;
use crate::store::{
    CallId, ExistingRecord, Fault, FenceAnswer, Reason, Record, RecordState, Refusal,
    RefusedBalance, WriteAnswer,
};
use crate::transaction::Transaction;
use crate::verdict::{self, Coverage};
use batch::{Batch, Doubt};

/// A transaction of DynamoDB has at most 100 actions, and one of them is the balance's.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems.
pub const MOST_MEMBERS: usize = 99;

/// Requests whose outcome is unknown are repeated beside the lane, so that they do not hold it up.
/// With as many as this the user's table or network is in trouble, and the others wait.
const MOST_UNCERTAIN: usize = 4;

/// How long before its deadline a call is tried again for the last time, unless a tenth of its time
/// is shorter: DynamoDB answers in a fraction of that.
const LAST_CHANCE: Duration = Duration::from_millis(100);

/// What holds for all lanes of a client.
#[derive(Clone, Debug)]
pub struct Terms {
    pub ending: Ending,
    pub default_balance: Decimal,
    pub attempt_timeout: Duration,
}

/// A call on its way. `T` stands for whoever waits for its answer.
#[derive(Debug)]
pub struct Member<T> {
    /// Rises from call to call.
    pub number: u64,
    pub record: Arc<Record>,
    pub deadline: Instant,
    pub ticket: T,
}

/// Something to be sent now, until `until` at the latest. `R` is the request as the store has
/// prepared it; it comes back with the outcome.
#[derive(Debug)]
pub struct Errand<R> {
    pub batch: u64,
    pub request: R,
    pub task: Task,
    pub until: Instant,
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Write,
    /// Make sure that no earlier attempt takes effect any more. These fences stand already.
    Fence(Vec<CallId>),
}

/// What became of an errand.
#[derive(Clone, Debug)]
pub enum Outcome {
    Write(Result<WriteAnswer, Fault>),
    Fence(Result<FenceAnswer, Fault>),
}

/// Who is to be told what.
pub type Answers<T> = Vec<(T, Result<(), BalanceError>)>;

#[derive(Debug)]
pub struct Lane<T, R> {
    terms: Arc<Terms>,
    /// By number, which is the order of arrival and of the deadlines.
    waiting: BTreeMap<u64, Member<T>>,
    batches: Vec<Batch<T, R>>,
    next_batch: u64,
    /// How many may travel together: fewer after a batch was rejected for its content, until the
    /// member at fault stands alone.
    most_members: usize,
    /// After a fault that changed nothing, those waiting pause.
    rests_until: Option<Instant>,
    faults: u32,
    last_reason: Option<Reason>,
}

impl<T, R> Lane<T, R> {
    pub fn new(terms: Arc<Terms>) -> Self {
        Self {
            terms,
            waiting: BTreeMap::new(),
            batches: Vec::new(),
            next_batch: 0,
            most_members: MOST_MEMBERS,
            rests_until: None,
            faults: 0,
            last_reason: None,
        }
    }

    pub fn join(&mut self, member: Member<T>) {
        self.waiting.insert(member.number, member);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.batches.is_empty()
    }

    /// What is to be sent now, if anything. To be asked until there is nothing more.
    pub fn depart(
        &mut self,
        now: Instant,
        prepare: impl FnOnce(CallId, &[Arc<Record>]) -> R,
    ) -> Option<Errand<R>> {
        // Those who go on after a refusal may find another request of the lane under way.
        let is_busy = self.batches.iter().any(|batch| batch.is_under_way && !batch.is_uncertain);
        let is_next = |batch: &Batch<T, R>| batch.is_ready(now) && (batch.is_uncertain || !is_busy);
        let ready = self.batches.iter().position(is_next).or_else(|| {
            let members = if self.is_held(now) { Vec::new() } else { self.gather(now) };
            (!members.is_empty()).then(|| {
                self.form(members);
                self.batches.len() - 1
            })
        })?;
        Some(self.batches.get_mut(ready)?.depart(now + self.terms.attempt_timeout, prepare))
    }

    /// Takes in the outcome of an errand.
    pub fn arrive(
        &mut self,
        number: u64,
        request: R,
        outcome: Outcome,
        now: Instant,
        jitter: f64,
    ) -> Answers<T> {
        let Some(mut batch) = self.take(number) else { return Vec::new() };
        batch.is_under_way = false;
        batch.request = Some(request);
        match outcome {
            Outcome::Write(Ok(WriteAnswer::Committed)) => self.committed(batch),
            Outcome::Write(Ok(WriteAnswer::Refused(refusal))) => self.refused(batch, refusal),
            Outcome::Fence(Ok(answer)) => self.fenced(batch, answer, now, jitter),
            Outcome::Write(Err(fault)) | Outcome::Fence(Err(fault)) => {
                self.failed(batch, fault, now, jitter)
            }
        }
    }

    /// Takes in that an errand got lost inside this package: it may have taken effect.
    pub fn lose(&mut self, number: u64, why: &BalanceError) -> Answers<T> {
        self.take(number)
            .map(|batch| tell(batch.into_members(), &Err(why.clone())))
            .unwrap_or_default()
    }

    /// Answers those whose deadline has passed.
    pub fn expire(&mut self, now: Instant) -> Answers<T> {
        let mut answers = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|it| it.get().deadline <= now) {
            let error = self.terms.ending.at_deadline(false, self.last_reason.clone());
            answers.push((first.remove().ticket, Err(error)));
        }
        for batch in &mut self.batches {
            for member in batch.leave(|member| member.deadline <= now) {
                let reason = batch.last_reason.clone().unwrap_or_else(unanswered);
                let error = self.terms.ending.at_deadline(batch.is_in_doubt(), Some(reason));
                answers.push((member.ticket, Err(error)));
            }
        }
        self.drop_deserted();
        answers
    }

    /// Answers a call whose caller does not want to wait any longer.
    pub fn cancel(&mut self, number: u64) -> Option<(T, Result<(), BalanceError>)> {
        let ending = self.terms.ending;
        let answer = match self.waiting.remove(&number) {
            Some(member) => Some((member.ticket, Err(ending.cancelled(false)))),
            None => self.batches.iter_mut().find_map(|batch| {
                let member = batch.leave(|member| member.number == number).pop()?;
                Some((member.ticket, Err(ending.cancelled(batch.is_in_doubt()))))
            }),
        };
        self.drop_deserted();
        answer
    }

    /// When to ask again although nothing has arrived: a pause ends, or a deadline passes.
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let deadline = self.waiting.first_key_value().map(|(_, member)| member.deadline);
        let rest = self.rests_until.filter(|&until| deadline.is_some() && until > now);
        let batches = self.batches.iter().filter_map(|batch| batch.wakes_at(now));
        deadline.into_iter().chain(rest).chain(batches).min()
    }

    /// Whether a call had better not be tried again: an attempt that its deadline cuts short leaves
    /// the outcome unknown, where up to now it is certain that nothing happened.
    fn is_too_late(&self, member: &Member<T>, now: Instant) -> bool {
        let last_chance = LAST_CHANCE.min(self.terms.ending.call_timeout / 10);
        self.faults > 0 && member.deadline < now + last_chance
    }

    /// Whether those waiting have to go on waiting: for a request that is under way, for one that
    /// goes next, or for the end of a pause.
    fn is_held(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| until > now)
            || self.batches.len() >= MOST_UNCERTAIN
            || self.batches.iter().any(|batch| !batch.is_uncertain)
    }

    /// Takes those that leave next, in order of arrival. Two calls with one key never travel
    /// together: the second one waits and meets the record.
    fn gather(&mut self, now: Instant) -> Vec<Member<T>> {
        if self.waiting.len() == 1 && self.faults == 0 {
            return self.waiting.pop_first().map(|(_, member)| member).into_iter().collect();
        }
        let mut keys = HashSet::new();
        let mut movement = Movement::default();
        let mut numbers = Vec::new();
        let in_time = |(_, member): &(&u64, &Member<T>)| !self.is_too_late(member, now);
        for (number, member) in self.waiting.iter().filter(in_time) {
            if numbers.len() == self.most_members {
                break;
            }
            let transaction = &member.record.transaction;
            let mut longer = movement.clone();
            longer.add(transaction);
            // A sum of more digits than DynamoDB holds would fail them all.
            let fits = numbers.is_empty() || longer.net().as_decimal().is_storable();
            if fits && keys.insert(transaction.idempotent_key.clone()) {
                movement = longer;
                numbers.push(*number);
            }
        }
        numbers.iter().filter_map(|number| self.waiting.remove(number)).collect()
    }

    /// Puts a batch on the list of those that may leave.
    fn form(&mut self, members: Vec<Member<T>>) {
        self.next_batch += 1;
        self.batches.push(Batch::new(self.next_batch, members));
    }

    fn take(&mut self, number: u64) -> Option<Batch<T, R>> {
        let position = self.batches.iter().position(|batch| batch.number == number)?;
        Some(self.batches.remove(position))
    }

    fn drop_deserted(&mut self) {
        self.batches.retain(|batch| batch.is_under_way || !batch.is_deserted());
    }

    fn committed(&mut self, batch: Batch<T, R>) -> Answers<T> {
        self.recover();
        self.most_members = self.most_members.saturating_mul(2).min(MOST_MEMBERS);
        tell(batch.into_members(), &Ok(()))
    }

    /// Nothing was written by this attempt, and the reasons are known.
    fn refused(&mut self, mut batch: Batch<T, R>, refusal: Refusal) -> Answers<T> {
        if batch.has_written(&refusal.records) {
            return self.committed(batch);
        }
        self.recover();
        let is_dead = refusal.records.iter().any(|state| matches!(state, RecordState::Taken(_)));
        if !batch.is_uncertain || is_dead {
            // With one of its keys taken no earlier attempt can take effect any more either.
            return self.settle(batch, &refusal);
        }
        let standing = refusal.balance.as_ref().map(|it| it.fences.clone()).unwrap_or_default();
        batch.doubt_about(Doubt::Refused(refusal), standing);
        self.keep(batch)
    }

    /// Answers those who were refused for good, and lets the others go on.
    fn settle(&mut self, batch: Batch<T, R>, refusal: &Refusal) -> Answers<T> {
        let size = batch.records.len();
        let mut answers = Vec::new();
        let mut others = Vec::new();
        for (member, state) in batch.members.into_iter().zip(&refusal.records) {
            match (member, state) {
                (None, _) => {}
                (Some(member), RecordState::Taken(existing)) => {
                    answers.push(judge_taken_key(member, existing));
                }
                (Some(member), state) => others.push((member, *state == RecordState::Free)),
            }
        }
        match &refusal.balance {
            None => self.wait_on(others.into_iter().map(|(member, _)| member)),
            Some(refused) => self.settle_balance(size, others, refused, &mut answers),
        }
        answers
    }

    /// The balance did not allow the batch. Whoever it does not cover alone was refused at that
    /// instant. Of the others, those go next that it covers together, in order of arrival.
    fn settle_balance(
        &mut self,
        size: usize,
        others: Vec<(Member<T>, bool)>,
        refused: &RefusedBalance,
        answers: &mut Answers<T>,
    ) {
        let coverage = Coverage::of(&refused.balance, &self.terms.default_balance);
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        for (member, is_record_free) in others {
            match coverage.refusal_of(&member.record.transaction) {
                // A record in conflict may turn out to be a duplicate, which is told first.
                Some(_) if !is_record_free => staying.push(member),
                Some(error) => answers.push((member.ticket, Err(error))),
                None => going.push(member),
            }
        }
        let mut covered = coverage.with_credits(going.iter().map(transaction_of));
        let (going, uncovered): (Vec<_>, Vec<_>) =
            going.into_iter().partition(|member| covered.take(transaction_of(member)));
        self.wait_on(staying.into_iter().chain(uncovered));
        if going.len() == size {
            answers.extend(self.divide(size, going, verdict::refused_although_covered()));
        } else if !going.is_empty() {
            self.form(going);
        }
    }

    /// The content of a request of so many records was rejected, and nobody knows which one's.
    fn divide(&mut self, size: usize, members: Vec<Member<T>>, why: BalanceError) -> Answers<T> {
        if size == 1 {
            return tell(members, &Err(why));
        }
        self.most_members = size / 2;
        self.wait_on(members);
        Vec::new()
    }

    /// What became of the attempt to exclude that an earlier one takes effect.
    fn fenced(
        &mut self,
        mut batch: Batch<T, R>,
        answer: FenceAnswer,
        now: Instant,
        jitter: f64,
    ) -> Answers<T> {
        match answer {
            FenceAnswer::Fenced => self.resolve(batch),
            // An earlier attempt to put the fence up did so, and its answer was lost.
            FenceAnswer::Outdated(fences) if fences.contains(&batch.request_id) => {
                self.resolve(batch)
            }
            FenceAnswer::Outdated(fences) => {
                batch.task = Task::Fence(fences);
                batch.rest(now + retry::pause_contended(batch.faults, jitter), fences_changed());
                self.keep(batch)
            }
            FenceAnswer::KeyTaken(existing) => {
                // By an earlier attempt, or by another call, so that none takes effect any more.
                let mut records = vec![RecordState::Taken(existing)];
                records.resize(batch.records.len(), RecordState::Unclear);
                self.refused(batch, Refusal { records, balance: None })
            }
        }
    }

    /// No attempt of a batch has taken effect, and none will.
    fn resolve(&mut self, mut batch: Batch<T, R>) -> Answers<T> {
        match batch.doubt.take() {
            Some(Doubt::Refused(refusal)) => self.settle(batch, &refusal),
            Some(Doubt::Rejected(why)) => self.reject(batch, why),
            None => Vec::new(),
        }
    }

    fn reject(&mut self, batch: Batch<T, R>, why: BalanceError) -> Answers<T> {
        self.divide(batch.records.len(), batch.into_members(), why)
    }

    /// An attempt brought no definite answer.
    fn failed(
        &mut self,
        mut batch: Batch<T, R>,
        fault: Fault,
        now: Instant,
        jitter: f64,
    ) -> Answers<T> {
        match fault {
            Fault::Unanswered(reason) => {
                batch.is_uncertain = true;
                batch.rest(now + retry::pause(batch.faults, jitter), reason);
                self.keep(batch)
            }
            Fault::Contended(reason) => {
                self.pause(batch, reason, now, |faults| retry::pause_contended(faults, jitter))
            }
            Fault::NotTaken(reason) | Fault::Throttled(reason) => {
                self.pause(batch, reason, now, |faults| retry::pause(faults, jitter))
            }
            Fault::Rejected(why) if batch.task == Task::Write && batch.is_uncertain => {
                batch.doubt_about(Doubt::Rejected(why), Vec::new());
                self.keep(batch)
            }
            Fault::Rejected(why) if batch.task == Task::Write => self.reject(batch, why),
            Fault::Rejected(why) | Fault::Final(why) => {
                let error = self.terms.ending.refused(batch.is_uncertain, why);
                tell(batch.into_members(), &Err(error))
            }
        }
    }

    /// An attempt changed nothing. Unless an earlier one may have, its members wait with the
    /// others, so that those who have come since leave with them.
    fn pause(
        &mut self,
        mut batch: Batch<T, R>,
        reason: Reason,
        now: Instant,
        pause: impl FnOnce(u32) -> Duration,
    ) -> Answers<T> {
        if batch.is_uncertain {
            batch.rest(now + pause(batch.faults), reason);
            return self.keep(batch);
        }
        self.rests_until = Some(now + pause(self.faults));
        self.faults = self.faults.saturating_add(1);
        self.last_reason = Some(reason);
        self.wait_on(batch.into_members());
        Vec::new()
    }

    /// There was an answer: what stood in the way is over.
    fn recover(&mut self) {
        self.faults = 0;
        self.rests_until = None;
        self.last_reason = None;
    }

    fn keep(&mut self, batch: Batch<T, R>) -> Answers<T> {
        self.batches.push(batch);
        self.drop_deserted();
        Vec::new()
    }

    fn wait_on(&mut self, members: impl IntoIterator<Item = Member<T>>) {
        members.into_iter().for_each(|member| self.join(member));
    }
}

fn transaction_of<T>(member: &Member<T>) -> &Transaction {
    &member.record.transaction
}

fn tell<T>(members: Vec<Member<T>>, outcome: &Result<(), BalanceError>) -> Answers<T> {
    members.into_iter().map(|member| (member.ticket, outcome.clone())).collect()
}

fn judge_taken_key<T>(
    member: Member<T>,
    existing: &ExistingRecord,
) -> (T, Result<(), BalanceError>) {
    let verdict = verdict::judge_taken_key(&member.record, existing);
    (member.ticket, verdict)
}

fn unanswered() -> Reason {
    Reason { summary: "DynamoDB did not answer in time".to_owned(), cause: None }
}

fn fences_changed() -> Reason {
    Reason { summary: "the balance kept changing".to_owned(), cause: None }
}

#[cfg(test)]
mod tests;
