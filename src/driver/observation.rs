//! What becomes of calls and of the requests that carry them, noted down for whoever wants to know. Only
//! calls that were named are observed, until they are answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::store::{Exchange, ItemKey, Server};

/// How many requests are kept until somebody takes them: those of some seconds at full speed.
const MAX_REQUESTS: usize = 65_536;

#[derive(Debug, Default)]
pub struct Observer {
    /// How many calls are observed, apart: most often there is none, and nobody waits for the lock.
    count: AtomicUsize,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    under_way: HashMap<u64, CallSoFar>,
    taken: Taken,
}

/// A call so far.
#[derive(Debug)]
struct CallSoFar {
    began: Instant,
    attempts: u32,
    waited: Option<Duration>,
    batch_size: usize,
    server: Option<Server>,
    request_id: Option<String>,
}

/// What there is to tell.
#[derive(Debug, Default)]
pub struct Taken {
    pub calls: Vec<ObservedCall>,
    pub requests: Vec<ObservedRequest>,
}

/// A call that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedCall {
    pub number: u64,
    /// How many attempts carried it.
    pub attempts: u32,
    /// Until the first of its requests left.
    pub waited: Option<Duration>,
    /// How many calls travelled in the last one.
    pub batch_size: Option<usize>,
    pub server: Option<Server>,
    pub request_id: Option<String>,
}

/// A request, and those of the observed calls that it carried.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedRequest {
    pub numbers: Vec<u64>,
    pub tables: Tables,
    /// How many calls it carried, observed or not.
    pub batch_size: usize,
    /// Rises with each attempt, by the call that has had most.
    pub attempt: u32,
    /// By the machine's clock.
    pub started: SystemTime,
    pub duration: Duration,
    pub exchange: Exchange,
}

/// Which tables a request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    pub balances: bool,
    pub transactions: bool,
}

impl Tables {
    pub fn of(keys: &[ItemKey]) -> Self {
        let is_account = |key: &ItemKey| matches!(key, ItemKey::Account(_));
        Self { balances: keys.iter().any(is_account), transactions: !keys.iter().all(is_account) }
    }
}

impl Observer {
    /// A call is about to be made.
    pub fn observe(&self, number: u64) {
        let course = CallSoFar {
            began: Instant::now(),
            attempts: 0,
            waited: None,
            batch_size: 0,
            server: None,
            request_id: None,
        };
        let mut notes = self.notes();
        notes.under_way.insert(number, course);
        self.count.store(notes.under_way.len(), Ordering::Release);
    }

    /// Whether any call is observed.
    pub fn is_on(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// An attempt for these calls has ended. `batch_size` counts those that nobody observes, too.
    pub fn note(
        &self,
        numbers: &[u64],
        batch_size: usize,
        tables: Tables,
        exchanges: Vec<Exchange>,
    ) {
        let mut notes = self.notes();
        let Notes { under_way, taken } = &mut *notes;
        let observed: Vec<u64> =
            numbers.iter().copied().filter(|number| under_way.contains_key(number)).collect();
        let mut attempt = 0;
        for number in &observed {
            if let Some(course) = under_way.get_mut(number) {
                course.add(batch_size, &exchanges);
                attempt = attempt.max(course.attempts);
            }
        }
        if observed.is_empty() {
            return;
        }
        let (now, time) = (Instant::now(), SystemTime::now());
        for exchange in exchanges {
            if taken.requests.len() < MAX_REQUESTS {
                let ago = now.saturating_duration_since(exchange.began);
                taken.requests.push(ObservedRequest {
                    numbers: observed.clone(),
                    tables,
                    batch_size,
                    attempt,
                    started: time.checked_sub(ago).unwrap_or(time),
                    duration: exchange.ended.saturating_duration_since(exchange.began),
                    exchange,
                });
            }
        }
    }

    /// A call is about to be answered.
    pub fn end(&self, number: u64) {
        if !self.is_on() {
            return;
        }
        let mut notes = self.notes();
        if let Some(course) = notes.under_way.remove(&number) {
            notes.taken.calls.push(course.of_call(number));
            self.count.store(notes.under_way.len(), Ordering::Release);
        }
    }

    /// A call was not made after all.
    pub fn disregard(&self, number: u64) {
        let mut notes = self.notes();
        notes.under_way.remove(&number);
        self.count.store(notes.under_way.len(), Ordering::Release);
    }

    /// What there is to tell since the last time, if anything is.
    pub fn take(&self) -> Option<Taken> {
        let mut notes = self.notes();
        let has_news = !notes.taken.calls.is_empty() || !notes.taken.requests.is_empty();
        has_news.then(|| std::mem::take(&mut notes.taken))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallSoFar {
    fn add(&mut self, batch_size: usize, exchanges: &[Exchange]) {
        self.attempts += 1;
        self.batch_size = batch_size;
        if let Some(first) = exchanges.first().filter(|_| self.waited.is_none()) {
            self.waited = Some(first.began.saturating_duration_since(self.began));
        }
        if let Some(last) = exchanges.last() {
            self.server.clone_from(&last.server);
        }
        if let Some(answered) = exchanges.iter().rfind(|it| it.request_id.is_some()) {
            self.request_id.clone_from(&answered.request_id);
        }
    }

    fn of_call(self, number: u64) -> ObservedCall {
        ObservedCall {
            number,
            attempts: self.attempts,
            waited: self.waited,
            batch_size: (self.attempts > 0).then_some(self.batch_size),
            server: self.server,
            request_id: self.request_id,
        }
    }
}

#[cfg(test)]
mod tests;
