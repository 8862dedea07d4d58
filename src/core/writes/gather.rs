//! Who leaves next: from the queue of one user and, where groups join users, from those of the
//! others. First come, first served: nobody leaves before those who stand ahead in any of the queues,
//! unless these leave with the same request.
//!
//! Places stand in the same order in all queues, so that the first of all those that wait for free
//! lanes stands first in each of its own: somebody can always leave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::calls::Calls;
use super::lane::Lane;
use super::{MAX_ACTIONS, is_too_late};
use crate::core::group::Group;
use crate::core::outcome::FundsOfUsers;
use crate::core::quick_map::{QuickMap, QuickSet};
use crate::money::{Decimal, MAX_DIGITS};
use crate::store::Entry;
use crate::transaction::UserId;

/// How many queues are looked at for one request.
const MAX_LANES: usize = MAX_ACTIONS;

/// How many places are looked at for one request, so that nobody else waits for it.
const MAX_LOOKED_AT: usize = 1_000;

/// The queue of a user while those who leave are chosen.
struct Queue<'a> {
    lane: &'a Lane,
    /// The first who has not been looked at.
    head: Option<u64>,
    /// The first who stays, whom nobody overtakes.
    is_closed: bool,
    is_counted: bool,
    /// The sum of what is moved, whichever way: no partial sum has more digits than this one.
    turnover: Decimal,
}

pub struct Gathering<'a, T> {
    calls: &'a Calls<T>,
    lanes: &'a HashMap<UserId, Box<Lane>>,
    now: Instant,
    call_timeout: Duration,
    queues: QuickMap<UserId, Queue<'a>>,
    taken: Vec<(u64, Arc<Group>)>,
    /// Those who leave, and those who do not want to any more.
    passed: QuickSet<u64>,
    funds: FundsOfUsers,
    actions: usize,
}

impl<'a, T> Gathering<'a, T> {
    pub fn new(
        calls: &'a Calls<T>,
        lanes: &'a HashMap<UserId, Box<Lane>>,
        now: Instant,
        call_timeout: Duration,
    ) -> Self {
        Self {
            calls,
            lanes,
            now,
            call_timeout,
            queues: QuickMap::default(),
            taken: Vec::new(),
            passed: QuickSet::default(),
            funds: FundsOfUsers::default(),
            actions: 0,
        }
    }

    /// The places that leave with a user's first, in order of arrival.
    pub fn from(mut self, user_id: &UserId) -> Vec<(u64, Arc<Group>)> {
        if !self.open(user_id) {
            return Vec::new();
        }
        for _ in 0..MAX_LOOKED_AT {
            let Some(order) = self.first() else { break };
            self.look_at(order);
        }
        self.taken
    }

    fn is_open_to(&self, user_id: &UserId) -> bool {
        self.queues.contains_key(user_id)
            || (self.queues.len() < MAX_LANES
                && self.lanes.get(user_id).is_some_and(|lane| lane.is_free(self.now)))
    }

    /// Looks at the queue of a user from now on; `false` if nobody may leave it.
    fn open(&mut self, user_id: &UserId) -> bool {
        if self.queues.contains_key(user_id) || !self.is_open_to(user_id) {
            return self.queues.contains_key(user_id);
        }
        let Some((user_id, lane)) = self.lanes.get_key_value(user_id) else { return false };
        if let Some(funds) = &lane.funds {
            self.funds.insert(user_id.clone(), funds.clone());
        }
        let turnover = Decimal::default();
        let head = lane.queue.first().copied();
        let queue = Queue { lane, head, is_closed: false, is_counted: false, turnover };
        self.queues.insert(user_id.clone(), queue);
        true
    }

    /// The first place of all open queues.
    fn first(&self) -> Option<u64> {
        let open = self.queues.values().filter(|queue| !queue.is_closed);
        open.filter_map(|queue| queue.head).min()
    }

    fn look_at(&mut self, order: u64) {
        let calls = self.calls;
        let group = &calls.place(order).group;
        let users = group.users();
        let Some(call) = calls.callers(order).next() else { return self.pass(order, users) };
        let is_failing =
            |user_id| self.lanes.get(user_id).is_some_and(|it| it.backoff.has_failed());
        let has_failed = users.iter().any(is_failing);
        if is_too_late(call.deadline, has_failed, self.now, self.call_timeout) {
            return self.pass(order, users);
        }
        let are_open = users.iter().all(|user_id| self.is_open_to(user_id))
            && users.iter().all(|user_id| self.open(user_id))
            && !self.queues_of(users).any(|queue| queue.is_closed);
        if !are_open {
            return self.close(users);
        }
        // A queue that was opened for it may have others ahead, who are looked at first.
        if self.queues_of(users).all(|queue| queue.head == Some(order)) {
            self.take(order, &call.group);
        }
    }

    fn queues_of(&self, users: &[UserId]) -> impl Iterator<Item = &Queue<'a>> {
        users.iter().filter_map(|user_id| self.queues.get(user_id))
    }

    /// Takes a place that stands first in all its queues, if it fits.
    fn take(&mut self, order: u64, group: &Arc<Group>) {
        let Some(actions) = self.actions_with(group) else { return self.close(group.users()) };
        let is_covered = self.funds.take(group);
        if !is_covered && self.taken.is_empty() {
            // It has to be asked whether that is still so, and then for the others as well.
            self.funds = FundsOfUsers::default();
        }
        // What the balance did not cover a moment ago has to wait, unless nobody else goes.
        if is_covered || self.taken.is_empty() {
            for entry in group.entries() {
                if let Some(queue) = self.queues.get_mut(entry.user_id()) {
                    queue.turnover = with(queue.turnover.clone(), entry);
                    queue.is_counted = true;
                }
            }
            self.actions = actions;
            self.taken.push((order, Arc::clone(group)));
        }
        self.pass(order, group.users());
    }

    /// How many actions there are with a group; `None` if it does not fit.
    fn actions_with(&self, group: &Group) -> Option<usize> {
        let queues = || self.queues_of(group.users());
        let max_groups = queues().map(|queue| queue.lane.max_groups).min().unwrap_or(MAX_ACTIONS);
        let new_users = queues().filter(|queue| !queue.is_counted).count();
        let actions = self.actions + group.entries().len() + new_users;
        let fits = self.taken.len() < max_groups && actions <= MAX_ACTIONS;
        (fits && (self.taken.is_empty() || self.is_storable_with(group))).then_some(actions)
    }

    /// A sum of more digits than DynamoDB holds would fail them all.
    fn is_storable_with(&self, group: &Group) -> bool {
        group.users().iter().all(|user_id| {
            self.queues.get(user_id).is_some_and(|queue| {
                let of_user = group.entries().iter().filter(|entry| entry.user_id() == user_id);
                of_user.fold(queue.turnover.clone(), with).digits_reckoned_with() <= MAX_DIGITS
            })
        })
    }

    /// Nobody leaves the queues of a group that stays before it does.
    fn close(&mut self, users: &[UserId]) {
        for user_id in users {
            if let Some(queue) = self.queues.get_mut(user_id) {
                queue.is_closed = true;
            }
        }
    }

    /// A place has been looked at: it leaves, or does not want to any more.
    fn pass(&mut self, order: u64, users: &[UserId]) {
        self.passed.insert(order);
        for user_id in users {
            if let Some(queue) = self.queues.get_mut(user_id).filter(|it| it.head == Some(order)) {
                let mut rest = queue.lane.queue.range(order..);
                queue.head = rest.find(|order| !self.passed.contains(order)).copied();
            }
        }
    }
}

/// A turnover with what one more entry moves.
fn with(turnover: Decimal, entry: &Entry) -> Decimal {
    match entry.amount() {
        Some(amount) => turnover.plus(amount.as_decimal()),
        None => turnover,
    }
}
