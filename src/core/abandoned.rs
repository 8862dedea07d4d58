//! Requests whose callers have left without knowing what became of them. They may still arrive, and
//! whoever calls with the same key must not be told a refusal before that is excluded.
//! Pure decisions: no I/O, no clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::epoch::Epoch;
use crate::store::Name;
use crate::transaction::{IdempotentKey, UserId};

/// AWS refuses a request whose signature is older than 15 minutes; five more are for clocks that
/// differ and for requests that are signed anew shortly before they are given up.
/// Source: AWS Identity and Access Management User Guide, "Signature Version 4", request expiry.
const MAX_AGE: Duration = Duration::from_mins(20);

/// How many keys are remembered. Past that it is only known until which epoch there were more, and
/// every key counts as one of them.
const MAX_KEYS: usize = 65_536;

/// What may still arrive.
#[derive(Clone, Copy, Debug)]
struct Request {
    epoch: Epoch,
    since: Instant,
}

/// A key may be used for several users, by mistake; and the hold that was recorded under it may be closed.
type Use = (UserId, bool);

/// All requests of a client that were given up.
#[derive(Debug, Default)]
pub struct Abandoned {
    by_key: HashMap<IdempotentKey, HashMap<Use, Request>>,
    /// In the order in which they were given up; a name may stand here more often than it counts.
    order: VecDeque<(Instant, IdempotentKey, Use)>,
    /// The last epoch of those that are not remembered one by one, and when it was noted.
    forgotten: Option<(Epoch, Instant)>,
}

impl Abandoned {
    /// A request of this epoch was given up.
    pub fn add(&mut self, name: Name<'_>, epoch: Epoch, now: Instant) {
        self.expire(now);
        let epoch = self.request(name).map_or(epoch, |earlier| earlier.epoch.max(epoch));
        let of_key = self.by_key.entry(name.key.clone()).or_default();
        of_key.insert(use_of(name), Request { epoch, since: now });
        self.order.push_back((now, name.key.clone(), use_of(name)));
        while self.order.len() > MAX_KEYS {
            self.forget_oldest(now);
        }
    }

    /// The last epoch of the requests with this name that may still arrive.
    pub fn last_epoch(&self, name: Name<'_>, now: Instant) -> Option<Epoch> {
        let is_alive = |since: Instant| now.duration_since(since) < MAX_AGE;
        let forgotten =
            self.forgotten.filter(|(_, since)| is_alive(*since)).map(|(epoch, _)| epoch);
        let named = self.request(name);
        named.filter(|request| is_alive(request.since)).map(|request| request.epoch).max(forgotten)
    }

    /// Whether a request with this name was given up, and it is not known what became of it.
    pub fn contains(&self, name: Name<'_>, now: Instant) -> bool {
        self.request(name).is_some_and(|it| now.duration_since(it.since) < MAX_AGE)
    }

    /// The same for a key, whoever it was used for.
    pub fn contains_key(&self, key: &IdempotentKey, now: Instant) -> bool {
        let mut requests = self.by_key.get(key).into_iter().flat_map(HashMap::values);
        requests.any(|request| now.duration_since(request.since) < MAX_AGE)
    }

    /// It is known what became of the requests with this name.
    pub fn settle(&mut self, name: Name<'_>) {
        if let Some(of_key) = self.by_key.get_mut(name.key) {
            of_key.remove(&use_of(name));
            if of_key.is_empty() {
                self.by_key.remove(name.key);
            }
        }
    }

    fn request(&self, name: Name<'_>) -> Option<Request> {
        self.by_key.get(name.key)?.get(&use_of(name)).copied()
    }

    fn expire(&mut self, now: Instant) {
        while let Some((since, _, _)) = self.order.front()
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
        let (since, key, (user_id, is_closing)) = self.order.pop_front()?;
        let name = Name { key: &key, user_id: &user_id, is_closing };
        let current = self.request(name).filter(|request| request.since == since)?;
        self.settle(name);
        Some(current)
    }
}

fn use_of(name: Name<'_>) -> Use {
    (name.user_id.clone(), name.is_closing)
}

#[cfg(test)]
mod tests;
