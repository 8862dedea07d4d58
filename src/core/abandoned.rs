//! Requests whose callers have left without knowing what became of them. They may still arrive, and
//! whoever calls with the same key must not be told a refusal before that is excluded.
//! Pure decisions: no I/O, no clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::epoch::Epoch;
use crate::transaction::{IdempotentKey, UserId};

/// AWS refuses a request whose signature is older than 15 minutes; five more are for clocks that
/// differ and for requests that are signed anew shortly before they are given up.
/// Source: AWS Identity and Access Management User Guide, "Signature Version 4", request expiry.
const MAX_AGE: Duration = Duration::from_mins(20);

/// How many keys are remembered. Past that it is only known until which epoch there were more, and
/// every key counts as one of them.
const MAX_KEYS: usize = 65_536;

/// What may still arrive for a key and a user.
#[derive(Clone, Copy, Debug)]
struct Request {
    epoch: Epoch,
    since: Instant,
}

/// A key may be used for several users, by mistake.
type Name = (IdempotentKey, UserId);

/// All requests of a client that were given up.
#[derive(Debug, Default)]
pub struct Abandoned {
    by_name: HashMap<Name, Request>,
    /// In the order in which they were given up; a name may stand here more often than it counts.
    order: VecDeque<(Instant, Name)>,
    /// The last epoch of those that are not remembered one by one, and when it was noted.
    forgotten: Option<(Epoch, Instant)>,
}

impl Abandoned {
    /// A request of this epoch was given up.
    pub fn add(&mut self, key: &IdempotentKey, user_id: &UserId, epoch: Epoch, now: Instant) {
        self.expire(now);
        let name = (key.clone(), user_id.clone());
        let epoch = self.by_name.get(&name).map_or(epoch, |earlier| earlier.epoch.max(epoch));
        self.by_name.insert(name.clone(), Request { epoch, since: now });
        self.order.push_back((now, name));
        while self.order.len() > MAX_KEYS {
            self.forget_oldest(now);
        }
    }

    /// The last epoch of the requests that may still arrive for a key and a user.
    pub fn last_epoch(&self, key: &IdempotentKey, user_id: &UserId, now: Instant) -> Option<Epoch> {
        let is_alive = |since: Instant| now.duration_since(since) < MAX_AGE;
        let forgotten =
            self.forgotten.filter(|(_, since)| is_alive(*since)).map(|(epoch, _)| epoch);
        if self.by_name.is_empty() {
            return forgotten;
        }
        let named = self.by_name.get(&(key.clone(), user_id.clone()));
        named.filter(|request| is_alive(request.since)).map(|request| request.epoch).max(forgotten)
    }

    /// Whether a request for a key and a user was given up, and it is not known what became of it.
    pub fn contains(&self, key: &IdempotentKey, user_id: &UserId, now: Instant) -> bool {
        !self.by_name.is_empty()
            && self
                .by_name
                .get(&(key.clone(), user_id.clone()))
                .is_some_and(|request| now.duration_since(request.since) < MAX_AGE)
    }

    /// It is known what became of the requests for a key and a user.
    pub fn settle(&mut self, key: &IdempotentKey, user_id: &UserId) {
        if !self.by_name.is_empty() {
            self.by_name.remove(&(key.clone(), user_id.clone()));
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
        let (since, name) = self.order.pop_front()?;
        let is_current = self.by_name.get(&name).is_some_and(|request| request.since == since);
        if is_current { self.by_name.remove(&name) } else { None }
    }
}

#[cfg(test)]
mod tests;
