//! Reads that travel in one request.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use crate::core::backoff::Backoff;
use crate::core::in_flight::Ticket;
use crate::store::{Attempt, ItemKey};

#[derive(Debug, Default)]
pub struct ReadBatch {
    /// With the calls that wait for each item.
    pub items: HashMap<ItemKey, BTreeSet<u64>>,
    pub backoff: Backoff,
    in_flight: Option<InFlightRead>,
}

#[derive(Debug)]
struct InFlightRead {
    attempt: Attempt,
    ticket: Ticket,
    /// Whom it asks for, whoever still waits for the answer.
    keys: Vec<ItemKey>,
}

impl ReadBatch {
    pub fn new(items: HashMap<ItemKey, BTreeSet<u64>>) -> Self {
        Self { items, ..Self::default() }
    }

    pub fn callers(&self) -> impl Iterator<Item = &u64> {
        self.items.values().flatten()
    }

    pub fn is_ready(&self, now: Instant) -> bool {
        self.in_flight.is_none() && self.backoff.is_over(now)
    }

    pub fn pause_ends(&self, now: Instant) -> Option<Instant> {
        self.backoff.ends(now).filter(|_| self.in_flight.is_none())
    }

    /// An attempt begins.
    pub fn begin_attempt(&mut self, until: Instant, ticket: Ticket) -> (Vec<ItemKey>, Attempt) {
        let keys: Vec<ItemKey> = self.items.keys().cloned().collect();
        let attempt = Attempt::until(until);
        self.in_flight =
            Some(InFlightRead { attempt: attempt.clone(), ticket, keys: keys.clone() });
        (keys, attempt)
    }

    /// An attempt has ended.
    pub fn end_attempt(&mut self) -> Option<(Vec<ItemKey>, Ticket)> {
        self.in_flight.take().map(|it| (it.keys, it.ticket))
    }

    /// A caller does not wait any longer. With nobody left the request need not be sent.
    pub fn leave(&mut self, number: u64, key: &ItemKey) {
        if let Some(callers) = self.items.get_mut(key) {
            callers.remove(&number);
            if callers.is_empty() {
                self.items.remove(key);
            }
        }
        if let Some(in_flight) = self.in_flight.as_ref().filter(|_| self.items.is_empty()) {
            let _ = in_flight.attempt.gate.revoke();
        }
    }

    pub fn is_deserted(&self) -> bool {
        self.in_flight.is_none() && self.items.is_empty()
    }

    /// A batch for each item, with the same failures behind it.
    pub fn one_by_one(self) -> impl Iterator<Item = Self> {
        let backoff = self.backoff;
        self.items.into_iter().map(move |alone| Self {
            items: HashMap::from([alone]),
            backoff: backoff.clone(),
            in_flight: None,
        })
    }
}
