//! Which reads travel together. Pure decisions: no I/O, no clock, no randomness of its own.
//!
//! Up to a limit of requests in flight those who come leave at once. Past it they wait, and leave
//! together when a request returns. A read joins only a request that has not left yet, so that it
//! never sees a balance older than its own call.
//!
//! Whoever drives it tells it what happens (`push`, `cancel`, `on_completed`, `on_lost`,
//! `on_timeout`), then sends what `next_attempt` gives until that is nothing, and calls
//! `on_timeout` at the latest at `next_timeout`. Time never goes backwards.

mod batch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::backoff;
use crate::core::in_flight::{End, InFlight};
use crate::core::indefinite::Ending;
use crate::error::{BalanceError, ErrorCode};
use crate::store::{Attempt, Fault, Item, ItemKey, Reason};
use batch::ReadBatch;

/// Requests in flight before reads wait for each other.
pub const MAX_REQUESTS: usize = 8;

/// How many items one request can ask for.
/// Source: Amazon DynamoDB API Reference, `BatchGetItem`.
pub const MAX_ITEMS: usize = 100;

/// Requests in flight for one item, whose reads may hang while those of the others do not.
const MAX_REQUESTS_OF_ITEM: usize = 4;

/// Users whose reads went unanswered travel alone for so long, so that others do not hang with
/// them; and so many of them are remembered.
const SUSPICION: Duration = Duration::from_mins(1);
const MAX_SUSPECTS: usize = 1_000;

/// How many deadlines are looked at in one go, so that nobody else waits for it.
const MAX_TIMEOUTS_AT_ONCE: usize = 1_000;

/// What holds for all reads of a client.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub ending: Ending,
    pub attempt_timeout: Duration,
}

/// A call that waits for an answer. `T` stands for whoever made it.
#[derive(Debug)]
pub struct PendingRead<T> {
    /// Rises from call to call.
    pub number: u64,
    pub key: ItemKey,
    pub deadline: Instant,
    pub reply: T,
}

/// A request to be sent now.
#[derive(Debug)]
pub struct ReadAttempt {
    pub batch: u64,
    /// How many calls it is for.
    pub calls: usize,
    pub keys: Vec<ItemKey>,
    pub attempt: Attempt,
}

/// Who is to be told what.
pub type Replies<T> = Vec<(T, Result<Item, BalanceError>)>;

/// The callers of one item who wait for a request.
#[derive(Debug)]
struct Place {
    callers: BTreeSet<u64>,
    /// Where it stands in the queue: the number of its first caller.
    order: u64,
}

#[derive(Debug)]
pub struct ReadQueue<T> {
    config: Config,
    /// By number, which is the order of arrival and of the deadlines. With the batch that each is
    /// part of.
    calls: BTreeMap<u64, (Box<PendingRead<T>>, Option<u64>)>,
    places: HashMap<ItemKey, Place>,
    queue: BTreeMap<u64, ItemKey>,
    batches: BTreeMap<u64, ReadBatch>,
    next_batch: u64,
    in_flight: InFlight,
    in_flight_of: HashMap<ItemKey, usize>,
    /// Permission to ask for several keys at once may be lacking.
    may_travel_together: bool,
    /// Users whose reads went unanswered, and until when that counts.
    suspects: HashMap<ItemKey, Instant>,
}

impl<T> ReadQueue<T> {
    pub fn new(config: Config) -> Self {
        Self {
            config,
            calls: BTreeMap::new(),
            places: HashMap::new(),
            queue: BTreeMap::new(),
            batches: BTreeMap::new(),
            next_batch: 0,
            in_flight: InFlight::new(MAX_REQUESTS, MAX_REQUESTS),
            in_flight_of: HashMap::new(),
            may_travel_together: true,
            suspects: HashMap::new(),
        }
    }

    /// Takes in a call.
    ///
    /// # Panics
    ///
    /// If its deadline is earlier than that of a call before it.
    pub fn push(&mut self, call: Box<PendingRead<T>>) {
        let (number, key) = (call.number, call.key.clone());
        let last = self.calls.last_key_value().map(|(_, (last, _))| last.deadline);
        assert!(last.is_none_or(|last| last <= call.deadline), "deadlines rise from call to call");
        self.calls.insert(number, (call, None));
        let queue = &mut self.queue;
        let place = self.places.entry(key).or_insert_with_key(|key| {
            queue.insert(number, key.clone());
            Place { callers: BTreeSet::new(), order: number }
        });
        place.callers.insert(number);
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.batches.is_empty()
    }

    /// Shows the calls that wait for a batch, by number, in no particular order.
    pub fn visit_callers(&mut self, batch: u64, mut visit: impl FnMut(u64, &mut T)) {
        for number in self.batches.get(&batch).into_iter().flat_map(ReadBatch::callers) {
            if let Some((call, _)) = self.calls.get_mut(number) {
                visit(*number, &mut call.reply);
            }
        }
    }

    /// What is to be sent now, if anything. To be asked until there is nothing more.
    pub fn next_attempt(&mut self, now: Instant) -> Option<ReadAttempt> {
        let room = self.in_flight.room(now);
        if room == 0 {
            return None;
        }
        // Those who have been on the way before go first, and nobody joins before there is a
        // request for them.
        let ready = self.first_ready(now).or_else(|| {
            self.form_batches(room, now);
            self.first_ready(now)
        })?;
        let calls = &self.calls;
        let batch = self.batches.get_mut(&ready)?;
        let last = batch.callers().max().and_then(|number| calls.get(number));
        // Where one of several keys hangs, the others are not kept waiting for as long as an attempt.
        let hopeless_after = self.in_flight.hopeless_after().filter(|_| batch.items.len() > 1);
        let limit = self.config.attempt_timeout;
        let attempt_ends = now + hopeless_after.map_or(limit, |it| it.min(limit));
        let until = last.map_or(attempt_ends, |(call, _)| call.deadline.min(attempt_ends));
        let waiting = batch.callers().count();
        let (keys, attempt) = batch.begin_attempt(until, self.in_flight.begin(now));
        for key in &keys {
            *self.in_flight_of.entry(key.clone()).or_default() += 1;
        }
        Some(ReadAttempt { batch: ready, calls: waiting, keys, attempt })
    }

    /// Takes in the outcome of an attempt.
    pub fn on_completed(
        &mut self,
        number: u64,
        outcome: Result<HashMap<ItemKey, Item>, Fault>,
        now: Instant,
        jitter: f64,
    ) -> Replies<T> {
        let end = match &outcome {
            Ok(_) => End::Answered,
            Err(Fault::Throttled(_)) => End::Throttled,
            Err(_) => End::Other,
        };
        let Some(mut batch) = self.take(number, end, now, jitter) else { return Vec::new() };
        match outcome {
            Ok(items) => {
                let replies = self.answer(&mut batch, &items);
                let pause = |failures| backoff::pause(failures, jitter);
                self.try_again(number, batch, left_out(), now, pause);
                replies
            }
            Err(Fault::Contended(reason)) => {
                let usual = self.in_flight.usual();
                let pause = |failures| backoff::pause_contended(failures, usual, jitter);
                self.try_again(number, batch, reason, now, pause);
                Vec::new()
            }
            Err(Fault::NotTaken(reason) | Fault::Throttled(reason)) => {
                let pause = |failures| backoff::pause(failures, jitter);
                self.try_again(number, batch, reason, now, pause);
                Vec::new()
            }
            Err(Fault::Unanswered(reason)) => {
                self.suspect(batch, &reason, now, jitter);
                Vec::new()
            }
            Err(Fault::Rejected(_)) if batch.items.len() > 1 => self.divide(batch),
            Err(Fault::Final(why))
                if batch.items.len() > 1 && why.code == ErrorCode::AccessDenied =>
            {
                self.may_travel_together = false;
                self.divide(batch)
            }
            Err(Fault::Rejected(why) | Fault::Final(why)) => self.fail(&batch, &why),
        }
    }

    /// Takes in that an attempt got lost inside this package.
    pub fn on_lost(&mut self, number: u64, why: &BalanceError, now: Instant) -> Replies<T> {
        let batch = self.take(number, End::Other, now, 0.0);
        batch.map(|batch| self.fail(&batch, why)).unwrap_or_default()
    }

    /// Answers those whose deadline has passed; some of them, if there are very many, and the rest
    /// the next time.
    pub fn on_timeout(&mut self, now: Instant) -> Replies<T> {
        let ending = self.config.ending;
        let mut replies = Vec::new();
        while replies.len() < MAX_TIMEOUTS_AT_ONCE
            && let Some((&number, (call, _))) = self.calls.first_key_value()
            && call.deadline <= now
            && let Some((call, reason)) = self.remove(number)
        {
            replies.push((call.reply, Err(ending.at_deadline(false, reason))));
        }
        replies
    }

    /// Answers a call whose caller does not want to wait any longer.
    pub fn cancel(&mut self, number: u64) -> Option<(T, Result<Item, BalanceError>)> {
        let (call, _) = self.remove(number)?;
        Some((call.reply, Err(self.config.ending.cancelled(false))))
    }

    /// The answer of a call that was cancelled before it could be taken in.
    pub fn refuse(&self, call: PendingRead<T>) -> (T, Result<Item, BalanceError>) {
        (call.reply, Err(self.config.ending.cancelled(false)))
    }

    /// When to ask again although nothing has happened: a pause ends, there is room, or a deadline
    /// passes.
    pub fn next_timeout(&mut self, now: Instant) -> Option<Instant> {
        let deadline = self.calls.first_key_value().map(|(_, (call, _))| call.deadline);
        let batches = self.batches.values().filter_map(|batch| batch.pause_ends(now)).min();
        let wants_room = !self.queue.is_empty() || self.first_ready(now).is_some();
        let room = if wants_room && self.in_flight.room(now) == 0 {
            self.in_flight.next_room(now)
        } else {
            None
        };
        deadline.into_iter().chain(batches).chain(room).min()
    }

    fn first_ready(&self, now: Instant) -> Option<u64> {
        let may_leave = |batch: &ReadBatch| batch.items.keys().all(|it| self.may_leave(it));
        let ready = |(_, batch): &(&u64, &ReadBatch)| batch.is_ready(now) && may_leave(batch);
        self.batches.iter().find(ready).map(|(number, _)| *number)
    }

    /// Whether an item may have one more request in flight.
    fn may_leave(&self, key: &ItemKey) -> bool {
        self.in_flight_of.get(key).is_none_or(|count| *count < MAX_REQUESTS_OF_ITEM)
    }

    /// Spreads those waiting over the requests that may leave, in order of arrival. Callers of one
    /// item share a place.
    fn form_batches(&mut self, room: usize, now: Instant) {
        let max = if self.may_travel_together { room * MAX_ITEMS } else { room };
        self.suspects.retain(|_, until| *until > now);
        let may_leave = self.queue.values().filter(|key| self.may_leave(key));
        let keys: Vec<ItemKey> = may_leave.take(max).cloned().collect();
        let (alone, others): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| self.suspects.contains_key(key));
        let together = others.len().div_ceil(room).max(1);
        for keys in others.chunks(together).chain(alone.chunks(1)) {
            let callers = keys.iter().filter_map(|key| {
                let place = self.places.remove(key)?;
                self.queue.remove(&place.order);
                Some((key.clone(), place.callers))
            });
            let callers = callers.collect();
            self.form(ReadBatch::new(callers));
        }
    }

    fn form(&mut self, batch: ReadBatch) {
        self.next_batch += 1;
        for number in batch.callers() {
            if let Some((_, batch)) = self.calls.get_mut(number) {
                *batch = Some(self.next_batch);
            }
        }
        self.batches.insert(self.next_batch, batch);
    }

    /// Takes out a batch whose attempt has ended.
    fn take(&mut self, number: u64, end: End, now: Instant, jitter: f64) -> Option<ReadBatch> {
        let mut batch = self.batches.remove(&number)?;
        let (keys, ticket) = batch.end_attempt()?;
        self.in_flight.end(ticket, end, now, jitter);
        for key in keys {
            if let Some(count) = self.in_flight_of.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.in_flight_of.remove(&key);
                }
            }
        }
        Some(batch)
    }

    /// Takes out a call, and what stood in its way.
    fn remove(&mut self, number: u64) -> Option<(Box<PendingRead<T>>, Option<Reason>)> {
        let (call, batch_number) = self.calls.remove(&number)?;
        let Some(batch_number) = batch_number else {
            if let Some(place) = self.places.get_mut(&call.key) {
                place.callers.remove(&number);
                if place.callers.is_empty() {
                    self.queue.remove(&place.order);
                    self.places.remove(&call.key);
                }
            }
            return Some((call, None));
        };
        let mut reason = None;
        if let Some(batch) = self.batches.get_mut(&batch_number) {
            reason = Some(batch.backoff.reason().cloned().unwrap_or_else(unanswered));
            batch.leave(number, &call.key);
            if batch.is_deserted() {
                self.batches.remove(&batch_number);
            }
        }
        Some((call, reason))
    }

    fn answer(&mut self, batch: &mut ReadBatch, items: &HashMap<ItemKey, Item>) -> Replies<T> {
        let mut replies = Vec::new();
        for (key, item) in items {
            for number in batch.items.remove(key).unwrap_or_default() {
                let call = self.calls.remove(&number);
                replies.extend(call.map(|(call, _)| (call.reply, Ok(item.clone()))));
            }
            if !self.suspects.is_empty() {
                self.suspects.remove(key);
            }
        }
        replies
    }

    fn fail(&mut self, batch: &ReadBatch, why: &BalanceError) -> Replies<T> {
        let calls = batch.callers().filter_map(|number| self.calls.remove(number));
        calls.map(|(call, _)| (call.reply, Err(why.clone()))).collect()
    }

    /// Whoever is still without an answer pauses and travels again, in the same company.
    fn try_again(
        &mut self,
        number: u64,
        mut batch: ReadBatch,
        reason: Reason,
        now: Instant,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        if !batch.items.is_empty() {
            batch.backoff.fail(reason, now, pause);
            self.batches.insert(number, batch);
        }
    }

    /// One of its keys may be the reason for the silence: from now on they travel alone.
    fn suspect(&mut self, batch: ReadBatch, reason: &Reason, now: Instant, jitter: f64) {
        for key in batch.items.keys() {
            if self.suspects.len() < MAX_SUSPECTS {
                self.suspects.insert(key.clone(), now + SUSPICION);
            }
        }
        for mut alone in batch.one_by_one() {
            alone.backoff.fail(reason.clone(), now, |failures| backoff::pause(failures, jitter));
            self.form(alone);
        }
    }

    /// What failed together is tried one by one.
    fn divide(&mut self, batch: ReadBatch) -> Replies<T> {
        for alone in batch.one_by_one() {
            self.form(alone);
        }
        Vec::new()
    }
}

fn left_out() -> Reason {
    Reason { summary: "DynamoDB left the item out of its answer".to_owned(), cause: None }
}

fn unanswered() -> Reason {
    Reason { summary: "DynamoDB did not answer in time".to_owned(), cause: None }
}

#[cfg(test)]
mod tests;
