//! How many requests of one kind may be in flight at once. Pure decisions: no I/O, no clock.
//!
//! Requests that hang do not take the places of the others: one that takes much longer than usual
//! does not count any more. A database that throttles is asked less, until it answers again; one that can
//! answer more at once is asked more.

mod concurrency;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::backoff;
use crate::core::in_flight::concurrency::Concurrency;

/// A request counts as slow after this long, or after several times what is usual here.
const MIN_SLOW: Duration = Duration::from_millis(100);
const SLOW_FACTOR: u32 = 8;

/// One that takes so many times longer still will most likely not be answered at all.
const HOPELESS_FACTOR: u32 = 5;

/// Requests in flight at once, slow ones included: each takes a connection and with it a file
/// descriptor, of which a process has 1,024 by default on most systems.
pub const MAX_TOTAL: usize = 512;

/// Of so many answers in a row more than half have to be throttled before less is sent: a single
/// account that is throttled must not slow the others.
const REMEMBERED: u32 = 16;

/// A request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    began: Instant,
    number: u64,
}

#[derive(Debug)]
pub struct InFlight {
    concurrency: Concurrency,
    /// How many may be in flight now: less than the concurrency allows while the database throttles.
    limit: usize,
    in_time: BTreeSet<Ticket>,
    slow: BTreeSet<Ticket>,
    next: u64,
    usual: Option<Duration>,
    /// The last answers, a bit each: whether it was throttled.
    throttled: u16,
    /// Not halved again before what was in flight has had time to return.
    halved_until: Option<Instant>,
    pause_ends: Option<Instant>,
    pauses: u32,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered,
    Throttled,
    /// It says nothing about how busy the database is.
    Other,
}

impl InFlight {
    /// Between `least` and `most` requests at once, as long as all goes well.
    pub fn new(least: usize, most: usize) -> Self {
        Self {
            concurrency: Concurrency::new(least, most),
            limit: least,
            in_time: BTreeSet::new(),
            slow: BTreeSet::new(),
            next: 0,
            usual: None,
            throttled: 0,
            halved_until: None,
            pause_ends: None,
            pauses: 0,
        }
    }

    /// How many more may begin now.
    pub fn room(&mut self, now: Instant) -> usize {
        if self.pause_ends.is_some_and(|ends| ends > now) {
            return 0;
        }
        self.sort(now);
        let free = self.limit.saturating_sub(self.in_time.len());
        free.min(MAX_TOTAL.saturating_sub(self.in_time.len() + self.slow.len()))
    }

    /// When there will be room although nothing returns: a pause ends, or one becomes slow.
    pub fn next_room(&self, now: Instant) -> Option<Instant> {
        if let Some(ends) = self.pause_ends.filter(|&ends| ends > now) {
            return Some(ends);
        }
        let is_full = self.in_time.len() + self.slow.len() >= MAX_TOTAL;
        let first = self.in_time.first().filter(|_| !is_full)?;
        Some(first.began + self.slow_after())
    }

    /// How long a request takes here that is answered; `None` until one was.
    pub fn usual(&self) -> Option<Duration> {
        self.usual
    }

    /// After how long a request is hopeless; `None` while it is not known what is usual here.
    pub fn hopeless_after(&self) -> Option<Duration> {
        self.usual.map(|_| self.slow_after() * HOPELESS_FACTOR)
    }

    pub fn begin(&mut self, now: Instant) -> Ticket {
        self.next += 1;
        let ticket = Ticket { began: now, number: self.next };
        self.in_time.insert(ticket);
        if self.in_time.len() >= self.limit {
            self.concurrency.filled();
        }
        ticket
    }

    /// `jitter` is between 0 and 1.
    ///
    /// # Panics
    ///
    /// If the request has ended before.
    pub fn end(&mut self, ticket: Ticket, end: End, now: Instant, jitter: f64) {
        let was_known = self.in_time.remove(&ticket) || self.slow.remove(&ticket);
        assert!(was_known, "a request ends once");
        match end {
            End::Answered => self.answered(now.saturating_duration_since(ticket.began), now),
            End::Throttled => self.throttle(now, jitter),
            End::Other => {}
        }
    }

    fn answered(&mut self, latency: Duration, now: Instant) {
        self.usual = Some(self.usual.map_or(latency, |usual| (usual * 7 + latency) / 8));
        self.throttled <<= 1;
        self.pauses = 0;
        self.pause_ends = None;
        if self.throttled == 0 {
            self.concurrency.answered(now);
        }
        // Quickly back once it is over, and carefully while it is not.
        let more = if self.throttled == 0 { self.limit } else { 1 };
        self.limit = self.limit.saturating_add(more).min(self.concurrency.allowed());
    }

    fn throttle(&mut self, now: Instant, jitter: f64) {
        self.throttled = (self.throttled << 1) | 1;
        self.concurrency.interrupt();
        if self.throttled.count_ones() <= REMEMBERED / 2
            || self.halved_until.is_some_and(|until| until > now)
        {
            return;
        }
        self.halved_until = Some(now + self.usual.unwrap_or(MIN_SLOW));
        if self.limit > 1 {
            self.limit /= 2;
        } else {
            self.pause_ends = Some(now + backoff::pause(self.pauses, jitter));
            self.pauses = self.pauses.saturating_add(1);
        }
    }

    fn slow_after(&self) -> Duration {
        self.usual.map_or(MIN_SLOW, |usual| (usual * SLOW_FACTOR).max(MIN_SLOW))
    }

    fn sort(&mut self, now: Instant) {
        let slow_after = self.slow_after();
        while let Some(first) = self.in_time.first()
            && first.began + slow_after <= now
            && let Some(ticket) = self.in_time.pop_first()
        {
            self.slow.insert(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
