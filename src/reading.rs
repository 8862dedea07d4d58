//! Which reads travel together. Pure decisions: no I/O, no clock, no randomness of its own.
//!
//! Up to a limit of requests under way those who come leave at once. Past it they wait, and leave
//! together when a request returns. A read joins only a request that has not left yet, so that it
//! never sees a balance older than its own call.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::ending::Ending;
use crate::error::{BalanceError, ErrorCode};
use crate::money::StoredBalance;
use crate::retry;
use crate::store::{Fault, Reason};
use crate::transaction::UserId;

/// Requests under way before reads wait for each other.
pub const MOST_REQUESTS: usize = 8;

/// How many users one request can ask for.
/// Source: Amazon DynamoDB API Reference, `BatchGetItem`.
pub const MOST_USERS: usize = 100;

/// What holds for all reads of a client.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub ending: Ending,
    pub attempt_timeout: Duration,
}

/// A call on its way. `T` stands for whoever waits for its answer.
#[derive(Debug)]
pub struct Reader<T> {
    /// Rises from call to call.
    pub number: u64,
    pub user_id: UserId,
    pub deadline: Instant,
    pub ticket: T,
}

/// A request to be sent now, until `until` at the latest.
#[derive(Debug)]
pub struct Errand {
    pub trip: u64,
    pub users: Vec<UserId>,
    pub until: Instant,
}

/// Who is to be told what.
pub type Answers<T> = Vec<(T, Result<StoredBalance, BalanceError>)>;

/// Reads that travel in one request.
#[derive(Debug)]
struct Trip<T> {
    number: u64,
    readers: HashMap<UserId, Vec<Reader<T>>>,
    is_under_way: bool,
    until: Option<Instant>,
    rests_until: Option<Instant>,
    faults: u32,
    last_reason: Option<Reason>,
}

#[derive(Debug)]
pub struct Reads<T> {
    terms: Terms,
    /// By number, which is the order of arrival and of the deadlines.
    waiting: BTreeMap<u64, Reader<T>>,
    trips: Vec<Trip<T>>,
    next_trip: u64,
    /// Permission to ask for several users at once may be lacking.
    may_travel_together: bool,
}

impl<T> Reads<T> {
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            waiting: BTreeMap::new(),
            trips: Vec::new(),
            next_trip: 0,
            may_travel_together: true,
        }
    }

    pub fn join(&mut self, reader: Reader<T>) {
        self.waiting.insert(reader.number, reader);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.trips.is_empty()
    }

    /// What is to be sent now, if anything. To be asked until there is nothing more.
    pub fn depart(&mut self, now: Instant) -> Option<Errand> {
        let free = MOST_REQUESTS - self.trips.iter().filter(|trip| trip.is_under_way).count();
        if free == 0 {
            return None;
        }
        // Those who have been on the way before go first, and nobody boards before there is a
        // request for them.
        if !self.trips.iter().any(|trip| trip.is_ready(now)) {
            self.board(free);
        }
        let attempt_ends = now + self.terms.attempt_timeout;
        self.trips.iter_mut().find(|trip| trip.is_ready(now)).map(|trip| trip.depart(attempt_ends))
    }

    /// Spreads those waiting over the requests that may leave, in order of arrival. Callers of one
    /// user share a place.
    fn board(&mut self, free: usize) {
        let most = if self.may_travel_together { free * MOST_USERS } else { free };
        let mut by_user: HashMap<UserId, Vec<Reader<T>>> = HashMap::new();
        while by_user.len() < most
            && let Some((_, reader)) = self.waiting.pop_first()
        {
            by_user.entry(reader.user_id.clone()).or_default().push(reader);
        }
        let is_aboard = |_: &u64, reader: &mut Reader<T>| by_user.contains_key(&reader.user_id);
        let companions: Vec<_> = self.waiting.extract_if(.., is_aboard).collect();
        for (_, reader) in companions {
            by_user.entry(reader.user_id.clone()).or_default().push(reader);
        }
        let together = by_user.len().div_ceil(free);
        let mut users = by_user.into_iter().peekable();
        while users.peek().is_some() {
            let readers = users.by_ref().take(together).collect();
            self.form(readers);
        }
    }

    fn form(&mut self, readers: HashMap<UserId, Vec<Reader<T>>>) {
        self.next_trip += 1;
        self.trips.push(Trip {
            number: self.next_trip,
            readers,
            is_under_way: false,
            until: None,
            rests_until: None,
            faults: 0,
            last_reason: None,
        });
    }

    /// Takes in the outcome of an errand.
    pub fn arrive(
        &mut self,
        number: u64,
        outcome: Result<HashMap<UserId, StoredBalance>, Fault>,
        now: Instant,
        jitter: f64,
    ) -> Answers<T> {
        let Some(mut trip) = self.take(number) else { return Vec::new() };
        trip.is_under_way = false;
        match outcome {
            Ok(balances) => {
                let answers = trip.answer(&balances);
                self.try_again(trip, left_out(), now, |faults| retry::pause(faults, jitter));
                answers
            }
            Err(Fault::Contended(reason)) => {
                self.try_again(trip, reason, now, |faults| retry::pause_contended(faults, jitter));
                Vec::new()
            }
            Err(Fault::NotTaken(reason) | Fault::Throttled(reason) | Fault::Unanswered(reason)) => {
                self.try_again(trip, reason, now, |faults| retry::pause(faults, jitter));
                Vec::new()
            }
            Err(Fault::Rejected(_)) if trip.readers.len() > 1 => self.divide(trip),
            Err(Fault::Final(why))
                if trip.readers.len() > 1 && why.code == ErrorCode::AccessDenied =>
            {
                self.may_travel_together = false;
                self.divide(trip)
            }
            Err(Fault::Rejected(why) | Fault::Final(why)) => trip.fail(&why),
        }
    }

    /// Takes in that an errand got lost inside this package.
    pub fn lose(&mut self, number: u64, why: &BalanceError) -> Answers<T> {
        self.take(number).map(|trip| trip.fail(why)).unwrap_or_default()
    }

    /// Answers those whose deadline has passed.
    pub fn expire(&mut self, now: Instant) -> Answers<T> {
        let ending = self.terms.ending;
        let mut answers = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|it| it.get().deadline <= now) {
            answers.push((first.remove().ticket, Err(ending.at_deadline(false, None))));
        }
        for trip in &mut self.trips {
            for reader in trip.leave(|reader| reader.deadline <= now) {
                let reason = trip.last_reason.clone().or_else(|| Some(unanswered()));
                answers.push((reader.ticket, Err(ending.at_deadline(false, reason))));
            }
        }
        self.drop_deserted();
        answers
    }

    /// Answers a call whose caller does not want to wait any longer.
    pub fn cancel(&mut self, number: u64) -> Option<(T, Result<StoredBalance, BalanceError>)> {
        let reader = self.waiting.remove(&number).or_else(|| {
            self.trips.iter_mut().find_map(|trip| trip.leave(|it| it.number == number).pop())
        })?;
        self.drop_deserted();
        Some((reader.ticket, Err(self.terms.ending.cancelled(false))))
    }

    /// When to ask again although nothing has arrived: a pause ends, or a deadline passes.
    pub fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let deadline = self.waiting.first_key_value().map(|(_, reader)| reader.deadline);
        let trips = self.trips.iter().filter_map(|trip| trip.wakes_at(now));
        deadline.into_iter().chain(trips).min()
    }

    fn take(&mut self, number: u64) -> Option<Trip<T>> {
        let position = self.trips.iter().position(|trip| trip.number == number)?;
        Some(self.trips.remove(position))
    }

    fn drop_deserted(&mut self) {
        self.trips.retain(|trip| trip.is_under_way || !trip.readers.is_empty());
    }

    /// Whoever is still without an answer pauses and travels again, in the same company.
    fn try_again(
        &mut self,
        mut trip: Trip<T>,
        reason: Reason,
        now: Instant,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        if !trip.readers.is_empty() {
            trip.rests_until = Some(now + pause(trip.faults));
            trip.faults = trip.faults.saturating_add(1);
            trip.last_reason = Some(reason);
            self.trips.push(trip);
        }
    }

    /// What failed together is tried one by one.
    fn divide(&mut self, trip: Trip<T>) -> Answers<T> {
        for alone in trip.readers {
            self.form(HashMap::from([alone]));
        }
        Vec::new()
    }
}

impl<T> Trip<T> {
    fn is_ready(&self, now: Instant) -> bool {
        !self.is_under_way && self.rests_until.is_none_or(|until| until <= now)
    }

    /// An attempt begins. It ends with its own deadline or that of the reader with the most
    /// patience.
    fn depart(&mut self, attempt_ends: Instant) -> Errand {
        let last_deadline = self.readers.values().flatten().map(|reader| reader.deadline).max();
        let until = last_deadline.map_or(attempt_ends, |deadline| deadline.min(attempt_ends));
        self.is_under_way = true;
        self.until = Some(until);
        Errand { trip: self.number, users: self.readers.keys().cloned().collect(), until }
    }

    fn answer(&mut self, balances: &HashMap<UserId, StoredBalance>) -> Answers<T> {
        let mut answers = Vec::new();
        for (user_id, balance) in balances {
            let readers = self.readers.remove(user_id).unwrap_or_default();
            answers.extend(readers.into_iter().map(|it| (it.ticket, Ok(balance.clone()))));
        }
        answers
    }

    fn fail(self, why: &BalanceError) -> Answers<T> {
        self.readers.into_values().flatten().map(|it| (it.ticket, Err(why.clone()))).collect()
    }

    fn leave(&mut self, is_leaving: impl Fn(&Reader<T>) -> bool) -> Vec<Reader<T>> {
        let mut leaving = Vec::new();
        self.readers.retain(|_, readers| {
            leaving.extend(readers.extract_if(.., |reader| is_leaving(reader)));
            !readers.is_empty()
        });
        leaving
    }

    /// While under way, the end of the attempt wakes everybody up who waits as long as that.
    fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let deadline = self.readers.values().flatten().map(|reader| reader.deadline).min();
        if self.is_under_way {
            deadline.filter(|&deadline| self.until.is_none_or(|until| deadline < until))
        } else {
            let rest = self.rests_until.filter(|&until| until > now);
            deadline.into_iter().chain(rest).min()
        }
    }
}

fn left_out() -> Reason {
    Reason { summary: "DynamoDB left the balance out of its answer".to_owned(), cause: None }
}

fn unanswered() -> Reason {
    Reason { summary: "DynamoDB did not answer in time".to_owned(), cause: None }
}

#[cfg(test)]
mod tests;
