//! The calls of a lane that wait for an answer. Those with one key share a place, in the queue or
//! in a batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::store::Record;
use crate::transaction::IdempotentKey;

/// A call that waits for an answer. `T` stands for whoever made it.
#[derive(Debug)]
pub struct PendingWrite<T> {
    /// Rises from call to call.
    pub number: u64,
    pub record: Arc<Record>,
    pub deadline: Instant,
    pub reply: T,
}

/// The calls with one key.
#[derive(Debug)]
struct Place {
    /// By number, which is the order of arrival.
    callers: BTreeSet<u64>,
    /// Where it stands in the queue: the number of its first caller ever.
    order: u64,
    /// `None`: it is in the queue.
    batch: Option<u64>,
}

#[derive(Debug)]
pub struct Calls<T> {
    /// By number, which is the order of arrival and of the deadlines.
    by_number: BTreeMap<u64, PendingWrite<T>>,
    places: HashMap<IdempotentKey, Place>,
    queue: BTreeMap<u64, IdempotentKey>,
    newest: u64,
}

impl<T> Default for Calls<T> {
    fn default() -> Self {
        Self {
            by_number: BTreeMap::new(),
            places: HashMap::new(),
            queue: BTreeMap::new(),
            newest: 0,
        }
    }
}

impl<T> Calls<T> {
    /// Takes in a call; returns the batch that it has to wait for, if its key is part of one.
    pub fn push(&mut self, call: PendingWrite<T>) -> Option<u64> {
        let number = call.number;
        let key = call.record.transaction.idempotent_key.clone();
        assert!(number >= self.newest, "numbers rise from call to call");
        let last = self.by_number.last_key_value().map(|(_, last)| last.deadline);
        assert!(last.is_none_or(|last| last <= call.deadline), "and so do deadlines");
        self.newest = number;
        self.by_number.insert(number, call);
        let queue = &mut self.queue;
        let place = self.places.entry(key).or_insert_with_key(|key| {
            queue.insert(number, key.clone());
            Place { callers: BTreeSet::new(), order: number, batch: None }
        });
        place.callers.insert(number);
        place.batch
    }

    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// The number of the last call that has come.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    pub fn queue_length(&self) -> usize {
        self.queue.len()
    }

    /// The keys that wait for a batch, with the call that would be sent for each.
    pub fn queued(&self) -> impl Iterator<Item = (&IdempotentKey, &PendingWrite<T>)> {
        self.queue.values().filter_map(|key| Some((key, self.callers(key).next()?)))
    }

    /// All calls with a key, in order of arrival.
    pub fn callers(&self, key: &IdempotentKey) -> impl Iterator<Item = &PendingWrite<T>> {
        let numbers = self.places.get(key).into_iter().flat_map(|place| &place.callers);
        numbers.filter_map(|number| self.by_number.get(number))
    }

    pub fn first_deadline(&self) -> Option<Instant> {
        self.by_number.first_key_value().map(|(_, call)| call.deadline)
    }

    /// The first call whose deadline has passed.
    pub fn first_overdue(&self, now: Instant) -> Option<u64> {
        let (number, call) = self.by_number.first_key_value()?;
        (call.deadline <= now).then_some(*number)
    }

    /// How long the one with the most patience waits.
    pub fn last_deadline(&self, keys: &[IdempotentKey]) -> Option<Instant> {
        let last = |key| self.by_number.get(self.places.get(key)?.callers.last()?);
        keys.iter().filter_map(last).map(|call| call.deadline).max()
    }

    /// Takes places out of the queue and makes them part of a batch; returns how many calls that
    /// are.
    pub fn join_batch(&mut self, keys: &[IdempotentKey], batch: u64) -> usize {
        let mut waiting = 0;
        for key in keys {
            if let Some(place) = self.places.get_mut(key) {
                self.queue.remove(&place.order);
                place.batch = Some(batch);
                waiting += place.callers.len();
            }
        }
        waiting
    }

    /// The records to be sent: for each key that of its first call. Keys without calls are dropped.
    pub fn records(&mut self, keys: &[IdempotentKey]) -> Vec<Arc<Record>> {
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let first = self.callers(key).next().map(|call| Arc::clone(&call.record));
            match first {
                Some(record) => records.push(record),
                None => drop(self.places.remove(key)),
            }
        }
        records
    }

    /// Puts places back into the queue. Those without calls are dropped.
    pub fn requeue(&mut self, keys: &[IdempotentKey]) {
        for key in keys {
            match self.places.get_mut(key) {
                Some(place) if place.callers.is_empty() => {
                    self.places.remove(key);
                }
                Some(place) => {
                    place.batch = None;
                    self.queue.insert(place.order, key.clone());
                }
                None => {}
            }
        }
    }

    /// Takes out a call; returns it with the batch that it was part of. A place in a batch stays,
    /// even empty: whoever comes with its key waits for the batch.
    pub fn remove(&mut self, number: u64) -> Option<(PendingWrite<T>, Option<u64>)> {
        let call = self.by_number.remove(&number)?;
        let key = &call.record.transaction.idempotent_key;
        let place = self.places.get_mut(key)?;
        place.callers.remove(&number);
        let batch = place.batch;
        if batch.is_none() && place.callers.is_empty() {
            self.queue.remove(&place.order);
            self.places.remove(key);
        }
        Some((call, batch))
    }

    /// Takes out all calls with a key, which are to be answered.
    pub fn settle(&mut self, key: &IdempotentKey) -> Vec<PendingWrite<T>> {
        let Some(place) = self.places.remove(key) else { return Vec::new() };
        if place.batch.is_none() {
            self.queue.remove(&place.order);
        }
        place.callers.iter().filter_map(|number| self.by_number.remove(number)).collect()
    }
}
