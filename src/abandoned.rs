//! Requests whose callers have left without knowing what became of them. They may still arrive, and
//! whoever calls with the same key must not be told a refusal before that is excluded.
//! Pure decisions: no I/O, no clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::epoch::Epoch;
use crate::transaction::{IdempotentKey, UserId};

/// AWS refuses a request whose signature is older than 15 minutes; five more are for clocks that
/// differ and for requests that are signed anew shortly before they are given up.
/// Source: AWS Identity and Access Management User Guide, "Signature Version 4", request expiry.
const MAX_AGE: Duration = Duration::from_mins(20);

/// How many keys are remembered. Past that it is only known until which epoch there were more, and
/// every key counts as one of them.
const MAX_KEYS: usize = 65_536;

/// What may still arrive for a key.
#[derive(Clone, Debug)]
struct Request {
    user_id: UserId,
    epoch: Epoch,
    since: Instant,
}

/// All requests of a client that were given up.
#[derive(Debug, Default)]
pub struct Abandoned {
    by_key: HashMap<IdempotentKey, Request>,
    /// In the order in which they were given up; a key may stand here more often than it counts.
    order: VecDeque<(Instant, IdempotentKey)>,
    /// The last epoch of those that are not remembered one by one, and when it was noted.
    forgotten: Option<(Epoch, Instant)>,
}

impl Abandoned {
    /// A request of this epoch was given up.
    pub fn add(&mut self, key: &IdempotentKey, user_id: &UserId, epoch: Epoch, now: Instant) {
        self.expire(now);
        let earlier = self.by_key.get(key).filter(|request| request.user_id == *user_id);
        let epoch = earlier.map_or(epoch, |request| request.epoch.max(epoch));
        self.by_key.insert(key.clone(), Request { user_id: user_id.clone(), epoch, since: now });
        self.order.push_back((now, key.clone()));
        while self.order.len() > MAX_KEYS {
            self.forget_oldest(now);
        }
    }

    /// The last epoch of the requests that may still arrive for a key.
    pub fn last_epoch(&self, key: &IdempotentKey, user_id: &UserId, now: Instant) -> Option<Epoch> {
        let is_alive = |since: Instant| now.duration_since(since) < MAX_AGE;
        let of_key = self
            .by_key
            .get(key)
            .filter(|request| request.user_id == *user_id && is_alive(request.since))
            .map(|request| request.epoch);
        let forgotten =
            self.forgotten.filter(|(_, since)| is_alive(*since)).map(|(epoch, _)| epoch);
        of_key.max(forgotten)
    }

    /// Nothing arrives for this key any more.
    pub fn settle(&mut self, key: &IdempotentKey) {
        if !self.by_key.is_empty() {
            self.by_key.remove(key);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((since, _)) = self.order.front()
            && now.duration_since(*since) >= MAX_AGE
        {
            self.drop_oldest();
        }
    }

    fn forget_oldest(&mut self, now: Instant) {
        if let Some(request) = self.drop_oldest() {
            let before = self.forgotten.map(|(epoch, _)| epoch);
            self.forgotten = Some((before.map_or(request.epoch, |it| it.max(request.epoch)), now));
        }
    }

    fn drop_oldest(&mut self) -> Option<Request> {
        let (since, key) = self.order.pop_front()?;
        let is_current = self.by_key.get(&key).is_some_and(|request| request.since == since);
        if is_current { self.by_key.remove(&key) } else { None }
    }
}

#[cfg(test)]
mod tests;
