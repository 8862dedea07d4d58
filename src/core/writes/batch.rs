//! Groups that travel in one request.

use std::sync::Arc;

use tokio::time::Instant;

use crate::core::backoff::Backoff;
use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::group::Group;
use crate::core::in_flight::Ticket;
use crate::core::outcome::FundsOfUsers;
use crate::core::quick_map::QuickMap;
use crate::store::{Attempt, BalanceUpdate, Entry, EntryState, EpochEnding, Refusal, Token, Write};
use crate::transaction::UserId;

use super::{Action, WriteAttempt};

#[derive(Debug)]
pub struct Batch {
    pub number: u64,
    /// In the order in which they take effect, with the place that each was sent for.
    pub groups: Vec<(u64, Arc<Group>)>,
    pub write: Arc<Write>,
    /// What was known about its balances when it was formed.
    pub funds: FundsOfUsers,
    /// How many calls wait for it.
    pub waiting: usize,
    /// Calls up to this number were there when it was composed.
    pub newest_call: u64,
    pub task: Task,
    /// An attempt may have taken effect, or may still do. From then on the request stays what it
    /// is until that is excluded.
    pub is_uncertain: bool,
    pub backoff: Backoff,
    /// Rises when a request was answered.
    request: u32,
    in_flight: Option<InFlight>,
}

/// What the next attempt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Write,
    EndEpoch(EpochEnding),
}

#[derive(Debug)]
struct InFlight {
    attempt: Attempt,
    ticket: Ticket,
    is_called_back: bool,
}

/// What it means for a caller to leave a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Nothing was sent, and nothing will be.
    Unsent,
    MayHaveEffect,
}

impl Batch {
    /// `epoch_of` says in which epoch a user's balance is written to.
    pub fn new(
        number: u64,
        groups: Vec<(u64, Arc<Group>)>,
        funds: FundsOfUsers,
        waiting: usize,
        newest_call: u64,
        epoch_of: impl FnMut(&UserId) -> Epoch,
    ) -> Self {
        let write = Arc::new(compose(groups.iter().map(|(_, group)| &**group), epoch_of));
        Self {
            number,
            groups,
            write,
            funds,
            waiting,
            newest_call,
            task: Task::Write,
            is_uncertain: false,
            backoff: Backoff::default(),
            request: 0,
            in_flight: None,
        }
    }

    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.write.balances.iter().map(|balance| &balance.user_id)
    }

    pub fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether an attempt has taken effect, for all that is known, or may still do.
    pub fn may_have_effect(&self) -> bool {
        let is_sent = |it: &InFlight| self.is_write() && it.attempt.gate.has_passed();
        self.is_uncertain || self.in_flight.as_ref().is_some_and(is_sent)
    }

    pub fn is_write(&self) -> bool {
        self.task == Task::Write
    }

    pub fn begin_attempt(&mut self, until: Instant, ticket: Ticket) -> WriteAttempt {
        assert!(self.in_flight.is_none(), "one attempt at a time");
        let attempt = Attempt::until(until);
        self.in_flight = Some(InFlight { attempt: attempt.clone(), ticket, is_called_back: false });
        let action = match &self.task {
            Task::Write => Action::Write {
                write: Arc::clone(&self.write),
                token: Token { batch: self.number, request: self.request },
            },
            Task::EndEpoch(ending) => Action::EndEpoch(ending.clone()),
        };
        WriteAttempt { batch: self.number, calls: self.waiting, action, attempt }
    }

    /// An attempt has ended. The second says whether it was called back before it was sent.
    pub fn end_attempt(&mut self) -> (Ticket, bool) {
        let ended = self.in_flight.take().expect("an attempt ends once");
        (ended.ticket, ended.is_called_back)
    }

    /// The request was answered, so that another attempt is another request.
    pub fn renew(&mut self) {
        self.request = self.request.saturating_add(1);
    }

    /// One of its callers does not wait any longer. An attempt that was not sent is called back:
    /// who is told that nothing happened must be right.
    pub fn leave(&mut self) -> Leaving {
        self.waiting -= 1;
        let is_write = self.is_write();
        match &mut self.in_flight {
            _ if self.is_uncertain => Leaving::MayHaveEffect,
            Some(in_flight) if is_write => {
                in_flight.is_called_back = in_flight.attempt.gate.revoke();
                if in_flight.is_called_back { Leaving::Unsent } else { Leaving::MayHaveEffect }
            }
            _ => Leaving::Unsent,
        }
    }

    /// The groups with what an attempt found under the keys of each.
    pub fn with_states<'a>(
        &'a self,
        mut states: &'a [EntryState],
    ) -> impl Iterator<Item = (u64, &'a Arc<Group>, &'a [EntryState])> {
        self.groups.iter().map(move |(place, group)| {
            let (own, rest) = states.split_at(group.entries().len());
            states = rest;
            (*place, group, own)
        })
    }

    /// Whether one of these is what an earlier attempt left, which then carried out all entries.
    pub fn has_written(&self, found: &[EntryState]) -> bool {
        let is_own = |(entry, state): (&Entry, &EntryState)| match state {
            EntryState::Taken(existing) => entry.has_left(existing),
            EntryState::Free | EntryState::Missing | EntryState::Unclear => false,
        };
        let is_undone = |(entry, state): (&Entry, &EntryState)| {
            matches!(state, EntryState::Free | EntryState::Missing) && entry.leaves_a_trace()
        };
        let entries = || self.write.entries.iter().zip(found);
        self.is_uncertain && entries().any(is_own) && !entries().any(is_undone)
    }

    /// The epochs that a refusal has shown to be later than its own: it takes no effect any more.
    pub fn later_epochs(&self, refusal: &Refusal) -> Vec<(UserId, Epoch)> {
        let balances = self.write.balances.iter().zip(&refusal.balances);
        let later = balances.filter_map(|(balance, refused)| {
            let seen = refused.as_ref()?.epoch;
            balance.epoch.is_over(seen).then(|| Some((balance.user_id.clone(), seen?)))?
        });
        later.collect()
    }

    /// The epoch that ends all its attempts, on one of its balances.
    pub fn own_ending(&self) -> EpochEnding {
        let balance = self.write.balances.first().expect("a write has a balance");
        EpochEnding {
            user_id: balance.user_id.clone(),
            epoch: balance.epoch,
            undone: self.write.entries.first().cloned(),
        }
    }

    /// In which epoch it was composed for a user.
    pub fn epoch_of(&self, user_id: &UserId) -> Epoch {
        let balance = self.write.balances.iter().find(|balance| balance.user_id == *user_id);
        balance.expect("each of its users has a balance").epoch
    }
}

/// One write of all groups.
fn compose<'a>(
    groups: impl Iterator<Item = &'a Group>,
    mut epoch_of: impl FnMut(&UserId) -> Epoch,
) -> Write {
    let mut entries = Vec::new();
    let mut balances: Vec<BalanceUpdate> = Vec::new();
    let mut positions: QuickMap<UserId, usize> = QuickMap::default();
    for entry in groups.flat_map(Group::entries) {
        let user_id = entry.user_id();
        let position = *positions.entry(user_id.clone()).or_insert_with(|| {
            let (epoch, change) = (epoch_of(user_id), BalanceChange::default());
            balances.push(BalanceUpdate { user_id: user_id.clone(), epoch, change });
            balances.len() - 1
        });
        if let Some(balance) = balances.get_mut(position) {
            balance.change.add_entry(entry);
        }
        entries.push(entry.clone());
    }
    assert!(
        entries.len() + balances.len() <= super::MAX_ACTIONS && !entries.is_empty(),
        "a transaction of DynamoDB has 1 to {} actions",
        super::MAX_ACTIONS
    );
    Write { entries, balances }
}
