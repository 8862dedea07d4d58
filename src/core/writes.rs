//! All writes of a client: which transactions travel together, and what to do when part of them is
//! refused. Pure decisions: no I/O, no clock, no randomness of its own.
//!
//! A call asks for a group of transactions, most often of one. Each user has a lane: a group leaves
//! when it is first in the lanes of all its users and nothing is under way there. Those that arrive
//! meanwhile leave together when it returns, in one request, so that a busy account does not
//! conflict with itself. All calls of a batch are concurrent, so that any serial order of them is a
//! valid one.
//!
//! Whoever drives it
//! - tells it what happens: `push`, `cancel`, `on_completed`, `on_lost`, `on_timeout`, each of which
//!   gives the replies that are to be sent;
//! - then sends what `next_attempt` gives until that is nothing, and brings back what became of each
//!   attempt, once, by `on_completed` or `on_lost`;
//! - calls `on_timeout` at the latest at `next_timeout`, and before `next_attempt` at the same
//!   instant.
//!
//! Time never goes backwards. No method blocks, and none takes longer than its share: what there is
//! very much of is done in several turns.

mod batch;
mod calls;
mod gather;
mod lane;
mod settle;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::abandoned::Abandoned;
use crate::core::epoch::Epoch;
use crate::core::group::Group;
use crate::core::in_flight::{End, InFlight, MAX_TOTAL};
use crate::core::indefinite::Ending;
use crate::core::outcome::{FundsOfUsers, Written};
use crate::core::quick_map::QuickMap;
use crate::error::BalanceError;
use crate::money::Decimal;
use crate::store::{
    Attempt, EpochAnswer, EpochEnding, Fault, Name, Reason, Token, Write, WriteAnswer,
};
use crate::transaction::{IdempotentKey, UserId};
use batch::{Batch, Leaving};
pub use calls::PendingWrite;
use calls::{Arrival, Calls, Place};
use gather::Gathering;
use lane::Lane;

/// The actions of a transaction of DynamoDB: one for each record, and one for each user's balance.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems.
pub const MAX_ACTIONS: usize = 100;

/// Requests of all users together that are in flight at once in any case: at DynamoDB's usual 5 ms more than
/// 10,000 a second.
pub const MIN_REQUESTS: usize = 64;

/// And as many as this where they bring more answers. (See `in_flight::concurrency`.)
pub const MAX_REQUESTS: usize = MAX_TOTAL;

/// Requests whose outcome is unknown are repeated beside the lane, so that they do not hold it up.
/// With as many as this the user's table or network is in trouble, and the others wait.
const MAX_UNCERTAIN: usize = 4;

/// How long before its deadline a call is tried again for the last time, unless a tenth of its time
/// is shorter: DynamoDB answers in a fraction of that.
const LAST_CHANCE: Duration = Duration::from_millis(100);

/// How many deadlines and pauses are looked at in one go, so that nobody else waits for it.
const MAX_TIMEOUTS_AT_ONCE: usize = 1_000;

/// What holds for all writes of a client.
#[derive(Clone, Debug)]
pub struct Config {
    pub ending: Ending,
    pub default_balance: Decimal,
    pub attempt_timeout: Duration,
}

/// Something to be sent now.
#[derive(Clone, Debug)]
pub struct WriteAttempt {
    pub batch: u64,
    /// How many calls it is for.
    pub calls: usize,
    pub action: Action,
    pub attempt: Attempt,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Write { write: Arc<Write>, token: Token },
    EndEpoch(EpochEnding),
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub enum Completion {
    Write(Result<WriteAnswer, Fault>),
    EndEpoch(Result<EpochAnswer, Fault>),
}

/// Who is to be told what.
pub type Replies<T> = Vec<(T, Result<Written, BalanceError>)>;

/// Whose turn it is to send something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Lane(UserId),
    Batch(u64),
}

/// Why a call ends without having been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallEnd {
    Deadline,
    Cancelled,
}

#[derive(Debug)]
pub struct WriteQueue<T> {
    config: Config,
    calls: Calls<T>,
    /// Only those with something in them. In boxes, because a map has room for twice as many.
    lanes: HashMap<UserId, Box<Lane>>,
    batches: QuickMap<u64, Batch>,
    next_batch: u64,
    /// Those who may have something to send, in the order in which they get to.
    run_queue: VecDeque<Turn>,
    /// The ends of pauses. One may stand here although it does not count any more.
    pauses: BTreeSet<(Instant, Turn)>,
    abandoned: Abandoned,
    in_flight: InFlight,
}

impl<T> WriteQueue<T> {
    pub fn new(config: Config) -> Self {
        Self {
            config,
            calls: Calls::default(),
            lanes: HashMap::new(),
            batches: QuickMap::default(),
            next_batch: 0,
            run_queue: VecDeque::new(),
            pauses: BTreeSet::new(),
            abandoned: Abandoned::default(),
            in_flight: InFlight::new(MIN_REQUESTS, MAX_REQUESTS),
        }
    }

    /// Takes in a call.
    pub fn push(&mut self, call: Box<PendingWrite<T>>) {
        match self.calls.push(call) {
            Arrival::New(order) => self.queue(order),
            Arrival::Joined(order) => {
                let batch = self.calls.place(order).batch;
                if let Some(batch) = batch.and_then(|number| self.batches.get_mut(&number)) {
                    batch.waiting += 1;
                }
            }
            Arrival::Blocked => {}
        }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.batches.is_empty()
    }

    /// Shows the calls that wait for a batch, by number, in no particular order.
    pub fn visit_callers(&mut self, batch: u64, mut visit: impl FnMut(u64, &mut T)) {
        let groups = self.batches.get(&batch).map(|batch| batch.groups.as_slice());
        for (place, _) in groups.unwrap_or_default() {
            self.calls.visit_callers(*place, &mut visit);
        }
    }

    /// Whether anybody may have something to send.
    pub fn has_turns(&self) -> bool {
        !self.run_queue.is_empty()
    }

    /// What is to be sent now, if anything. To be asked until there is nothing more. `epoch` is the
    /// present one.
    pub fn next_attempt(&mut self, now: Instant, epoch: Epoch) -> Option<WriteAttempt> {
        if !self.has_turns() || self.in_flight.room(now) == 0 {
            return None;
        }
        while let Some(turn) = self.run_queue.pop_front() {
            let number = match turn {
                Turn::Batch(number) => number,
                Turn::Lane(user_id) => {
                    let Some(lane) = self.lanes.get_mut(&user_id) else { continue };
                    lane.is_in_run_queue = false;
                    let Some(number) = self.form(&user_id, now, epoch) else { continue };
                    number
                }
            };
            if let Some(attempt) = self.begin_attempt(number, now) {
                return Some(attempt);
            }
        }
        None
    }

    /// Takes in the outcome of an attempt. `jitter` is between 0 and 1.
    pub fn on_completed(
        &mut self,
        number: u64,
        completion: Completion,
        now: Instant,
        jitter: f64,
    ) -> Replies<T> {
        let mut batch = self.take(number);
        let (ticket, was_called_back) = batch.end_attempt();
        self.in_flight.end(ticket, end_of(&completion), now, jitter);
        if !matches!(&completion, Completion::Write(Err(Fault::Unanswered(_)))) && batch.is_write()
        {
            batch.renew();
        }
        match completion {
            Completion::Write(Ok(WriteAnswer::Committed)) => self.committed(&batch, now),
            Completion::Write(Ok(WriteAnswer::Refused(refusal))) => {
                self.refused(batch, &refusal, now)
            }
            Completion::EndEpoch(Ok(EpochAnswer::Ended)) => self.epoch_ended(&batch),
            Completion::EndEpoch(Ok(EpochAnswer::KeyTaken(existing))) => {
                self.key_taken(batch, existing, now)
            }
            // Whoever called it back was answered, and the others have lost nothing.
            Completion::Write(Err(_)) if was_called_back => self.go_on(&batch),
            Completion::Write(Err(fault)) | Completion::EndEpoch(Err(fault)) => {
                self.failed(batch, fault, now, jitter)
            }
        }
    }

    /// Takes in that an attempt got lost inside this package: it may have taken effect.
    pub fn on_lost(&mut self, number: u64, why: &BalanceError, now: Instant) -> Replies<T> {
        let mut batch = self.take(number);
        let (ticket, _) = batch.end_attempt();
        self.in_flight.end(ticket, End::Other, now, 0.0);
        self.abandon(&batch, now);
        let mut replies = Vec::new();
        for (place, _) in &batch.groups {
            self.answer_all(*place, &mut replies, |_| Err(why.clone()));
        }
        replies
    }

    /// Ends pauses that are over, and answers those whose deadline has passed; some of them, if there
    /// are very many, and the rest the next time.
    pub fn on_timeout(&mut self, now: Instant) -> Replies<T> {
        for _ in 0..MAX_TIMEOUTS_AT_ONCE {
            let Some((at, turn)) = self.pauses.pop_first() else { break };
            if at > now {
                self.pauses.insert((at, turn));
                break;
            }
            match turn {
                Turn::Lane(user_id) => self.enqueue(&user_id),
                Turn::Batch(number) if self.batches.contains_key(&number) => {
                    self.run_queue.push_back(turn);
                }
                Turn::Batch(_) => {}
            }
        }
        let mut replies = Vec::new();
        while replies.len() < MAX_TIMEOUTS_AT_ONCE
            && let Some(number) = self.calls.first_overdue(now)
        {
            replies.extend(self.end(number, CallEnd::Deadline, now));
        }
        replies
    }

    /// Answers a call whose caller does not want to wait any longer; `None` if it was answered
    /// before.
    pub fn cancel(
        &mut self,
        number: u64,
        now: Instant,
    ) -> Option<(T, Result<Written, BalanceError>)> {
        self.end(number, CallEnd::Cancelled, now)
    }

    /// The answer of a call that was cancelled before it could be taken in.
    pub fn refuse(
        &self,
        call: PendingWrite<T>,
        now: Instant,
    ) -> (T, Result<Written, BalanceError>) {
        let is_unknown = self.is_unsettled(&call.group, now);
        (call.reply, Err(self.config.ending.cancelled(is_unknown)))
    }

    /// Whether it is known what became of everything that was sent for a key, of whichever user.
    pub fn is_settled(&self, key: &IdempotentKey, now: Instant) -> bool {
        let batch = self.calls.batch_with(key).and_then(|it| self.batches.get(&it));
        !batch.is_some_and(Batch::may_have_effect) && !self.abandoned.contains_key(key, now)
    }

    /// What a call is told that ends before it could write.
    pub fn ended_before(&self, error: BalanceError, is_settled: bool) -> BalanceError {
        self.config.ending.refused(!is_settled, error)
    }

    /// When to ask again although nothing has happened: a pause ends, a deadline passes, or a
    /// request in flight becomes slow and makes room.
    pub fn next_timeout(&mut self, now: Instant) -> Option<Instant> {
        let pause = self.pauses.first().map(|(at, _)| *at);
        let is_full = self.has_turns() && self.in_flight.room(now) == 0;
        let room = if is_full { self.in_flight.next_room(now) } else { None };
        self.calls.first_deadline().into_iter().chain(pause).chain(room).min()
    }

    /// Forms a batch of those who leave with the first of a lane.
    fn form(&mut self, user_id: &UserId, now: Instant, epoch: Epoch) -> Option<u64> {
        let call_timeout = self.config.ending.call_timeout;
        let taken = Gathering::new(&self.calls, &self.lanes, now, call_timeout).from(user_id);
        if taken.is_empty() {
            self.drop_if_empty(user_id);
            return None;
        }
        self.next_batch += 1;
        let number = self.next_batch;
        let mut waiting = 0;
        let mut funds = FundsOfUsers::default();
        for (order, _) in &taken {
            let place = self.calls.place_mut(*order);
            place.batch = Some(number);
            waiting += place.len();
            for user_id in place.group.users() {
                let lane = self.lanes.get_mut(user_id).expect("a place stands in lanes");
                lane.queue.remove(order);
                lane.batch = Some(number);
                if let Some(seen) = lane.funds.take() {
                    funds.insert(user_id.clone(), seen);
                }
            }
        }
        // What asks nothing of a balance goes first, and helps the others.
        let (mut groups, others): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|(_, group)| !group.has_debit());
        groups.extend(others);
        let lanes = &self.lanes;
        let seen = |user_id: &UserId| lanes.get(user_id).and_then(|lane| lane.seen_epoch);
        let epoch_of = |user_id: &UserId| seen(user_id).map_or(epoch, |seen| seen.max(epoch));
        let batch = Batch::new(number, groups, funds, waiting, self.calls.newest(), epoch_of);
        self.batches.insert(number, batch);
        Some(number)
    }

    /// Begins an attempt of a batch, if it is to make one now.
    fn begin_attempt(&mut self, number: u64, now: Instant) -> Option<WriteAttempt> {
        let batch = self.batches.get_mut(&number)?;
        if batch.is_in_flight() || !batch.backoff.is_over(now) {
            return None;
        }
        let attempt_ends = now + self.config.attempt_timeout;
        let last_deadline = self.calls.last_deadline(batch.groups.iter().map(|(place, _)| *place));
        let until = last_deadline.map_or(attempt_ends, |deadline| deadline.min(attempt_ends));
        Some(batch.begin_attempt(until, self.in_flight.begin(now)))
    }

    /// A place waits in the queues of its users.
    fn queue(&mut self, order: u64) {
        let place = self.calls.place_mut(order);
        place.batch = None;
        let group = Arc::clone(&place.group);
        for user_id in group.users() {
            self.lanes.entry(user_id.clone()).or_default().queue.insert(order);
            self.enqueue(user_id);
        }
    }

    /// Something has happened to a lane: it may have something to send.
    fn enqueue(&mut self, user_id: &UserId) {
        if let Some(lane) = self.lanes.get_mut(user_id).filter(|lane| !lane.is_in_run_queue) {
            lane.is_in_run_queue = true;
            self.run_queue.push_back(Turn::Lane(user_id.clone()));
        }
    }

    fn drop_if_empty(&mut self, user_id: &UserId) {
        // One in the run queue stays until its turn, so that it is not queued twice.
        if self.lanes.get(user_id).is_some_and(|lane| lane.is_empty() && !lane.is_in_run_queue) {
            self.lanes.remove(user_id);
        }
    }

    fn lane(&mut self, user_id: &UserId) -> &mut Lane {
        self.lanes.get_mut(user_id).expect("a batch has its lanes")
    }

    /// Takes a batch out: its lanes are free for the next ones.
    fn take(&mut self, number: u64) -> Batch {
        let batch = self.batches.remove(&number).expect("an attempt is of a batch");
        for user_id in batch.users() {
            let lane = self.lane(user_id);
            if batch.is_uncertain {
                lane.uncertain -= 1;
            } else {
                lane.batch = None;
            }
            self.enqueue(user_id);
        }
        batch
    }

    /// Puts a batch back, to be sent again, now or after its pause. Without anybody who waits for it
    /// it is not.
    fn keep(&mut self, batch: Batch, now: Instant) {
        if batch.waiting == 0 {
            return self.desert(&batch, now);
        }
        for user_id in batch.users() {
            let lane = self.lane(user_id);
            if batch.is_uncertain {
                lane.uncertain += 1;
            } else {
                lane.batch = Some(batch.number);
            }
        }
        let turn = Turn::Batch(batch.number);
        match batch.backoff.ends(now) {
            Some(at) => drop(self.pauses.insert((at, turn))),
            None => self.run_queue.push_back(turn),
        }
        self.batches.insert(batch.number, batch);
    }

    /// A batch that nobody waits for is not sent again. What may still arrive is noted.
    fn desert(&mut self, batch: &Batch, now: Instant) {
        if batch.is_uncertain {
            self.abandon(batch, now);
        }
        self.requeue(batch);
    }

    /// Nobody of this client asks for it again, and it may still arrive.
    fn abandon(&mut self, batch: &Batch, now: Instant) {
        for entry in &batch.write.entries {
            self.abandoned.add(entry.name(), batch.epoch_of(entry.user_id()), now);
        }
    }

    /// The places of a batch that still stand wait in the queues of their users, or go, if they are
    /// empty.
    fn requeue(&mut self, batch: &Batch) {
        for (order, _) in &batch.groups {
            match self.calls.find(*order).map(Place::is_empty) {
                Some(false) => self.queue(*order),
                Some(true) => self.remove_place(*order),
                None => {}
            }
        }
    }

    fn remove_place(&mut self, order: u64) {
        for new in self.calls.remove_place(order) {
            self.queue(new);
        }
    }

    /// A call ends without an answer.
    fn end(
        &mut self,
        number: u64,
        end: CallEnd,
        now: Instant,
    ) -> Option<(T, Result<Written, BalanceError>)> {
        let (call, order) = self.calls.remove(number)?;
        let mut in_doubt = false;
        let mut reason = self.reason_of_lanes(&call.group);
        if let Some(order) = order {
            if let Some(number) = self.calls.place(order).batch {
                let batch = self.batches.get_mut(&number).expect("a place is part of a batch");
                in_doubt = batch.leave() == Leaving::MayHaveEffect;
                let otherwise = if in_doubt { unanswered() } else { unsent() };
                reason = Some(batch.backoff.reason().cloned().unwrap_or(otherwise));
                if batch.waiting == 0 && !batch.is_in_flight() {
                    let batch = self.take(number);
                    self.desert(&batch, now);
                }
            } else if self.calls.place(order).is_empty() {
                self.leave_queues(order);
            }
        }
        let is_unknown = in_doubt || self.is_unsettled(&call.group, now);
        let ending = self.config.ending;
        let error = match end {
            CallEnd::Deadline => ending.at_deadline(is_unknown, reason),
            CallEnd::Cancelled => ending.cancelled(is_unknown),
        };
        Some((call.reply, Err(error)))
    }

    /// A place without calls leaves the queues of its users, where others may have waited for it.
    fn leave_queues(&mut self, order: u64) {
        let group = Arc::clone(&self.calls.place(order).group);
        for user_id in group.users() {
            if let Some(lane) = self.lanes.get_mut(user_id) {
                lane.queue.remove(&order);
            }
            self.enqueue(user_id);
        }
        self.remove_place(order);
    }

    /// What stood in the way of those who wait in the lanes of a group.
    fn reason_of_lanes(&self, group: &Group) -> Option<Reason> {
        let mut lanes = group.users().iter().filter_map(|user_id| self.lanes.get(user_id));
        lanes.find_map(|lane| lane.backoff.reason()).cloned()
    }

    /// The last epoch of what may still arrive for a key, sent by calls that have ended.
    fn doubt(&self, name: Name<'_>, now: Instant) -> Option<Epoch> {
        let seen = self.lanes.get(name.user_id).and_then(|lane| lane.seen_epoch);
        let epoch = self.abandoned.last_epoch(name, now);
        epoch.filter(|epoch| !epoch.is_over(seen))
    }

    /// Whether it is unknown what becomes of another call with one of the keys. Then nobody who
    /// calls with it is told that nothing happened before there was an answer.
    fn is_unsettled(&self, group: &Group, now: Instant) -> bool {
        group.names().any(|name| {
            let batch = self.calls.batch_of(name).and_then(|it| self.batches.get(&it));
            batch.is_some_and(Batch::may_have_effect)
                || self.abandoned.contains(name, now)
                || self.doubt(name, now).is_some()
        })
    }
}

/// Whether a call had better not be tried again: an attempt that its deadline cuts short leaves the
/// outcome unknown, where up to now it is certain that nothing happened.
fn is_too_late(deadline: Instant, has_failed: bool, now: Instant, call_timeout: Duration) -> bool {
    let last_chance = LAST_CHANCE.min(call_timeout / 10);
    deadline <= now || (has_failed && deadline < now + last_chance)
}

/// What the end of an attempt says about how busy the database is.
fn end_of(completion: &Completion) -> End {
    match completion {
        Completion::Write(Ok(_)) | Completion::EndEpoch(Ok(_)) => End::Answered,
        Completion::Write(Err(Fault::Throttled(_)))
        | Completion::EndEpoch(Err(Fault::Throttled(_))) => End::Throttled,
        Completion::Write(Err(_)) | Completion::EndEpoch(Err(_)) => End::Other,
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
