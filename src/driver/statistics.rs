//! What a client has done so far and does now, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::writes::Completion;
use crate::store::{EpochAnswer, Fault, WriteAnswer};

/// Each number by itself is right; two of them may be of different instants.
#[derive(Debug, Default)]
pub struct Statistics {
    requests_in_flight: AtomicU64,
    calls_in_flight: AtomicU64,
    attempts: AtomicU64,
    committed_requests: AtomicU64,
    committed_calls: AtomicU64,
    conflicts: AtomicU64,
    throttled: AtomicU64,
    unanswered: AtomicU64,
    not_taken: AtomicU64,
    ended_epochs: AtomicU64,
}

/// The numbers as they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls that were accepted and not answered yet.
    pub held_calls: u64,
    /// Those of them that no request carries at the moment.
    pub waiting_calls: u64,
    pub requests_in_flight: u64,
    pub attempts: u64,
    pub committed_requests: u64,
    pub committed_calls: u64,
    pub conflicts: u64,
    pub throttled: u64,
    pub unanswered: u64,
    pub not_taken: u64,
    pub ended_epochs: u64,
}

impl Statistics {
    /// An attempt begins that carries so many calls.
    pub fn begin(&self, calls: usize) {
        add(&self.attempts, 1);
        add(&self.requests_in_flight, 1);
        add(&self.calls_in_flight, calls as u64);
    }

    /// It has ended.
    pub fn end(&self, calls: usize) {
        self.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
        self.calls_in_flight.fetch_sub(calls as u64, Ordering::Relaxed);
    }

    pub fn count_write(&self, completion: &Completion, calls: usize) {
        match completion {
            Completion::Write(Ok(WriteAnswer::Committed)) => {
                add(&self.committed_requests, 1);
                add(&self.committed_calls, calls as u64);
            }
            Completion::EndEpoch(Ok(EpochAnswer::Ended)) => add(&self.ended_epochs, 1),
            Completion::Write(Err(fault)) | Completion::EndEpoch(Err(fault)) => {
                self.count_fault(fault);
            }
            Completion::Write(Ok(WriteAnswer::Refused(_)))
            | Completion::EndEpoch(Ok(EpochAnswer::KeyTaken(_))) => {}
        }
    }

    /// An attempt that is made again.
    pub fn count_fault(&self, fault: &Fault) {
        match fault {
            Fault::Contended(_) => add(&self.conflicts, 1),
            Fault::Throttled(_) => add(&self.throttled, 1),
            Fault::Unanswered(_) => add(&self.unanswered, 1),
            Fault::NotTaken(_) => add(&self.not_taken, 1),
            Fault::Rejected(_) | Fault::Final(_) => {}
        }
    }

    pub fn figures(&self, held_calls: u64) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            held_calls,
            waiting_calls: held_calls.saturating_sub(read(&self.calls_in_flight)),
            requests_in_flight: read(&self.requests_in_flight),
            attempts: read(&self.attempts),
            committed_requests: read(&self.committed_requests),
            committed_calls: read(&self.committed_calls),
            conflicts: read(&self.conflicts),
            throttled: read(&self.throttled),
            unanswered: read(&self.unanswered),
            not_taken: read(&self.not_taken),
            ended_epochs: read(&self.ended_epochs),
        }
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
