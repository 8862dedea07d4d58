//! How long the model takes to answer. The timer of tokio counts whole milliseconds, which would
//! add a fifth to 5 ms; a thread that waits for the next moment is exact to some microseconds.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rand_distr::{Distribution, LogNormal};
use tokio::sync::oneshot;

/// The latency of one item: log-normal, or the same every time.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    median: Duration,
    spread: LogNormal<f64>,
}

impl Latency {
    /// A spread of 0 is always the median; with 0.5 one in a hundred takes 3.2 times as long.
    pub fn new(median: Duration, spread: f64) -> Option<Self> {
        Some(Self { median, spread: LogNormal::new(0.0, spread).ok()? })
    }

    /// A request is answered when the slowest of its items is there.
    pub fn draw(&self, items: usize) -> Duration {
        let mut random = rand::rng();
        let slowest =
            (0..items.max(1)).map(|_| self.spread.sample(&mut random)).fold(0.0, f64::max);
        self.median.mul_f64(slowest)
    }
}

struct Alarm {
    at: Instant,
    ring: oneshot::Sender<()>,
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

#[derive(Clone, Debug)]
pub struct Clock {
    alarms: Sender<Alarm>,
}

impl Clock {
    pub fn start() -> Self {
        let (alarms, receiver) = channel();
        std::thread::spawn(move || ring_in_time(&receiver));
        Self { alarms }
    }

    pub async fn wait_until(&self, at: Instant) {
        let (ring, signal) = oneshot::channel();
        self.alarms.send(Alarm { at, ring }).expect("the clock runs as long as the process");
        // The clock rings every alarm.
        let _ = signal.await;
    }
}

fn ring_in_time(alarms: &Receiver<Alarm>) {
    keep_exact_time();
    let mut waiting = BinaryHeap::new();
    loop {
        let next = waiting.peek().map(|Reverse(Alarm { at, .. })| *at);
        let received = match next {
            None => alarms.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => alarms.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        match received {
            Ok(alarm) => waiting.push(Reverse(alarm)),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(alarm)| alarm.at <= now) {
            if let Some(Reverse(alarm)) = waiting.pop() {
                // Who does not wait any more has cut the connection.
                let _ = alarm.ring.send(());
            }
        }
    }
}

/// Linux lets whoever does not ask for more wait 50 µs longer, so that timers that are near each other can
/// end together. Source: the manual page `PR_SET_TIMERSLACK`.
fn keep_exact_time() {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_timerslack(1).expect("a thread may ask for a nanosecond");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_spread_it_is_always_the_median() {
        let latency = Latency::new(Duration::from_millis(5), 0.0).unwrap();
        assert!((1..100).all(|items| latency.draw(items) == Duration::from_millis(5)));
    }

    #[test]
    fn many_items_are_as_slow_as_their_slowest() {
        let latency = Latency::new(Duration::from_millis(5), 0.5).unwrap();
        let mean = |items| (0..1000).map(|_| latency.draw(items)).sum::<Duration>() / 1000;
        assert!(mean(100) > 2 * mean(1));
    }

    #[tokio::test]
    async fn alarms_ring_in_their_order_and_not_too_early() {
        let clock = Clock::start();
        let started = Instant::now();
        let at = |milliseconds| started + Duration::from_millis(milliseconds);
        let late = async {
            clock.wait_until(at(40)).await;
            Instant::now()
        };
        let early = async {
            clock.wait_until(at(20)).await;
            Instant::now()
        };
        let (late, early) = tokio::join!(late, early);
        assert!(early >= at(20) && late >= at(40) && early < late);
    }
}
