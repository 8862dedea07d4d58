//! What an attempt notes down of its requests: what each was, and what became of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// How much is noted down of one attempt, which makes a handful of requests at most.
const MAX_EXCHANGES: usize = 100;

/// Who follows the attempts of one call.
pub trait Reporter: Sync {
    /// An attempt is about to begin that writes into this journal.
    fn begin(&self, journal: &Journal);

    /// It has ended.
    fn end(&self, exchanges: &[Exchange]);
}

/// Without anybody who asks for more, only refusals are noted down.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    is_observed: bool,
    trace: Option<Arc<str>>,
    exchanges: Vec<Exchange>,
}

/// One request, and its answer if one came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// As the database calls it.
    pub operation: &'static str,
    pub server: Option<Server>,
    pub began: Instant,
    pub ended: Instant,
    pub status: Option<u16>,
    pub request_id: Option<String>,
    /// What kind of failure it was, in one word.
    pub error: Option<String>,
}

/// Where a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub address: String,
    pub port: Option<u16>,
    pub region: String,
}

/// A request that the database refused, as its support asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub request_id: String,
    pub status: u16,
}

impl Journal {
    /// From now on everything is noted down.
    pub fn observe(&self) {
        self.notes().is_observed = true;
    }

    pub fn is_observed(&self) -> bool {
        self.notes().is_observed
    }

    /// What the requests say about whose they are.
    pub fn set_trace(&self, trace: Option<Arc<str>>) {
        self.notes().trace = trace;
    }

    pub fn trace(&self) -> Option<Arc<str>> {
        self.notes().trace.clone()
    }

    pub fn note(&self, exchange: Exchange) {
        let mut notes = self.notes();
        if (notes.is_observed || exchange.refused().is_some())
            && notes.exchanges.len() < MAX_EXCHANGES
        {
            notes.exchanges.push(exchange);
        }
    }

    /// What has been noted down since the last time.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.notes().exchanges)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// Whether it is one that the database refused.
    pub fn refused(&self) -> Option<Refused> {
        let status = self.status.filter(|status| *status >= 400)?;
        Some(Refused { request_id: self.request_id.clone()?, status })
    }
}

#[cfg(test)]
mod tests;
