//! Connections on which nothing is under way, kept for the next request: the one used last first,
//! so that those that are not needed grow old.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem::replace;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::task::spawn;
use tokio::time::{Instant, sleep};

use super::connect::Target;
use super::exchange::Connection;
use crate::core::in_flight::MAX_TOTAL;

/// As many as writes can be in flight, so that a burst does not cost new connections each time.
const MAX_IDLE_PER_HOST: usize = MAX_TOTAL;
/// Well below what firewalls and NAT gateways remember (AWS's: 350 s); the AWS SDK for Java's
/// default for `connectionMaxIdleTime`.
const MAX_IDLE_TIME: Duration = Duration::from_mins(1);
/// How often old connections, and those that the server closed, are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// DynamoDB answers within milliseconds. A connection that has been silent for this long may be
/// dead, and so may those that have been silent for longer.
const SUSPICIOUS_SILENCE: Duration = Duration::from_secs(1);

/// An instant on both clocks: the monotonic one stands still while a machine is suspended, and the
/// other one can be set.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    fn age(&self) -> Duration {
        let by_wall = self.wall.elapsed().unwrap_or_default();
        self.monotonic.elapsed().max(by_wall)
    }
}

#[derive(Debug)]
pub struct IdleConnections {
    kept: Mutex<Kept>,
    suspicious_silence: Duration,
}

#[derive(Debug, Default)]
struct Kept {
    by_target: HashMap<Target, Vec<Connection>>,
    is_swept: bool,
}

impl IdleConnections {
    /// `attempt`: how long a request may go without an answer.
    pub fn new(attempt: Duration) -> Self {
        Self { kept: Mutex::default(), suspicious_silence: SUSPICIOUS_SILENCE.min(attempt / 2) }
    }

    /// A connection that works, as far as can be known from this end.
    pub async fn take(&self, target: &Target) -> Option<Connection> {
        poll_fn(|context| Poll::Ready(self.take_now(target, context))).await
    }

    fn take_now(&self, target: &Target, context: &mut Context<'_>) -> Option<Connection> {
        loop {
            let mut connection = self.lock().by_target.get_mut(target)?.pop()?;
            if connection.proven.age() < MAX_IDLE_TIME && connection.is_ready(context) {
                return Some(connection);
            }
            connection.close();
        }
    }

    /// Keeps a connection that has answered, or was not used.
    pub fn keep(self: &Arc<Self>, target: &Target, mut connection: Connection) {
        if !connection.is_ready(&mut Context::from_waker(Waker::noop())) {
            return connection.close();
        }
        let mut kept = self.lock();
        let idle = match kept.by_target.get_mut(target) {
            Some(idle) => idle,
            None => kept.by_target.entry(target.clone()).or_default(),
        };
        idle.push(connection);
        let surplus = (idle.len() > MAX_IDLE_PER_HOST).then(|| idle.remove(0));
        let is_swept = replace(&mut kept.is_swept, true);
        drop(kept);
        if let Some(oldest) = surplus {
            oldest.close();
        }
        if !is_swept {
            drop(spawn(Sweeper(Arc::downgrade(self)).run()));
        }
    }

    /// To be told how a request went that leaves now.
    pub fn suspect<'a>(&'a self, target: &'a Target) -> Suspicion<'a> {
        Suspicion { idle: self, target, since: Instant::now(), is_open: true }
    }

    /// Closes the connections that have not answered since then.
    fn retire(&self, target: &Target, since: Instant) {
        self.close_where(|of, connection| of == target && connection.proven.monotonic < since);
    }

    /// Closes what is old or was closed by the server. `false`: nothing is left.
    fn sweep(&self) -> bool {
        self.close_where(|_, connection| {
            connection.proven.age() >= MAX_IDLE_TIME
                || !connection.is_ready(&mut Context::from_waker(Waker::noop()))
        });
        let mut kept = self.lock();
        kept.by_target.retain(|_, idle| !idle.is_empty());
        !kept.by_target.is_empty()
    }

    fn close_where(&self, mut is_over: impl FnMut(&Target, &mut Connection) -> bool) {
        let mut closed = Vec::new();
        for (target, idle) in &mut self.lock().by_target {
            closed.extend(idle.extract_if(.., |connection| is_over(target, connection)));
        }
        closed.into_iter().for_each(Connection::close);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IdleConnections {
    fn drop(&mut self) {
        self.close_where(|_, _| true);
    }
}

/// A request is under way, and what it meets says something about the connections that are idle.
pub struct Suspicion<'a> {
    idle: &'a IdleConnections,
    target: &'a Target,
    since: Instant,
    is_open: bool,
}

impl Suspicion<'_> {
    /// It was answered.
    pub fn dispel(&mut self) {
        self.is_open = false;
    }

    /// Its connection died. Whatever killed it (a firewall that forgot, a server that restarted)
    /// killed others: only those that have answered since it left are known to be alive.
    pub fn confirm(&mut self) {
        self.is_open = false;
        self.idle.retire(self.target, self.since);
    }
}

/// Nobody waits for it any more. That is a bad sign only if it took long.
impl Drop for Suspicion<'_> {
    fn drop(&mut self) {
        if self.is_open && self.since.elapsed() >= self.idle.suspicious_silence {
            self.confirm();
        }
    }
}

/// Sweeps while there is something to keep. Ends early with the runtime that it was started on.
struct Sweeper(Weak<IdleConnections>);

impl Sweeper {
    async fn run(self) {
        loop {
            sleep(SWEEP_INTERVAL).await;
            match self.0.upgrade() {
                Some(idle) if idle.sweep() => {}
                _ => break,
            }
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(idle) = self.0.upgrade() {
            idle.lock().is_swept = false;
        }
    }
}

#[cfg(test)]
mod tests;
