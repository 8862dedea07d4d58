//! The lane of one user: those who wait for their turn on the user's balance, and what is known about
//! it.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::MAX_UNCERTAIN;
use crate::core::backoff::Backoff;
use crate::core::epoch::Epoch;
use crate::core::outcome::Funds;

#[derive(Debug)]
pub struct Lane {
    /// Places that wait, in order of arrival.
    pub queue: BTreeSet<u64>,
    /// The batch that is under way, unless an attempt of it went unanswered.
    pub batch: Option<u64>,
    /// How many batches with an unanswered attempt are repeated beside it.
    pub uncertain: usize,
    /// After a fault that changed nothing, those waiting pause.
    pub backoff: Backoff,
    /// How many groups may travel together: fewer after a batch was rejected for its content, until
    /// the one at fault stands alone.
    pub max_groups: usize,
    /// The latest epoch that the balance was seen to have.
    pub seen_epoch: Option<Epoch>,
    /// What the balance could pay for when it last refused a batch: those who leave next are chosen
    /// by it.
    pub funds: Option<Funds>,
    pub is_in_run_queue: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            queue: BTreeSet::new(),
            batch: None,
            uncertain: 0,
            backoff: Backoff::default(),
            max_groups: super::MAX_ACTIONS,
            seen_epoch: None,
            funds: None,
            is_in_run_queue: false,
        }
    }
}

impl Lane {
    /// Whether those waiting may leave now.
    pub fn is_free(&self, now: Instant) -> bool {
        self.batch.is_none() && self.uncertain < MAX_UNCERTAIN && self.backoff.is_over(now)
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.batch.is_none() && self.uncertain == 0
    }

    /// A batch was committed.
    pub fn succeed(&mut self) {
        self.backoff = Backoff::default();
        self.max_groups = self.max_groups.saturating_mul(2).min(super::MAX_ACTIONS);
    }
}
