//! A million random histories. One that fails is repeated with as few calls as still fail, and told
//! line by line.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::time::Instant;

use super::history::{History, Sights};
use super::vocabulary::Vocabulary;

/// Unless `LANE_HISTORIES` says otherwise.
const HISTORIES: u64 = 1_000_000;

/// What a million histories come across; without it, they do not test what they say.
const EXPECTED_SIGHTS: &[&str] = &[
    "ACCESS_DENIED",
    "CORRUPT_BALANCE",
    "HOLD_CAPTURED",
    "HOLD_EXPIRED",
    "HOLD_NOT_FOUND",
    "HOLD_RELEASED",
    "IDEMPOTENT_KEY_REUSED",
    "INSUFFICIENT_BALANCE",
    "INTERNAL_ERROR",
    "NOTHING_HAPPENED",
    "OUTCOME_UNKNOWN",
    "SERVICE_ERROR",
    "attempt: called back",
    "attempt: late",
    "attempt: when it does the most harm",
    "epoch: ended",
    "epoch: ended for a request of several users",
    "epoch: over already",
    "epoch: the key is taken",
    "epoch: too late",
    "group: failed otherwise",
    "group: key reused",
    "group: not covered",
    "group: recorded",
    "group: replayed",
    "hold: captured",
    "hold: captured in part",
    "hold: closed by others",
    "hold: opened",
    "hold: released",
    "lane: as many repetitions as may be",
    "recorded",
    "refusal: partly unclear",
    "replayed",
    "request: a floor below zero",
    "request: full",
    "request: several groups of several users",
];

/// `LANE_SEED` and `LANE_HISTORIES` choose which histories, and how many.
fn setting(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {text}")))
}

#[test]
fn every_answer_is_true_in_a_million_random_histories() {
    let first = setting("LANE_SEED").unwrap_or_else(|| fastrand::u64(..));
    let count = setting("LANE_HISTORIES").unwrap_or(HISTORIES);
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let sights = thread::scope(|scope| {
        let work = || live_through(first, count, &next);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let finished = workers.into_iter().map(|worker| worker.join().unwrap());
        finished.collect::<Result<Vec<Sights>, String>>()
    });
    let sights = sights.unwrap_or_else(|failure| panic!("{failure}"));
    let is_missing = |sight: &&&str| !sights.iter().any(|sights| sights.0.contains_key(**sight));
    let missing: Vec<_> = EXPECTED_SIGHTS.iter().filter(is_missing).collect();
    assert!(count < HISTORIES || missing.is_empty(), "seed {first}: nobody saw {missing:?}");
}

/// Histories from `first` on, until `next` has reached `count`.
fn live_through(first: u64, count: u64, next: &AtomicU64) -> Result<Sights, String> {
    let vocabulary = Vocabulary::new();
    let mut sights = Sights::default();
    let start = Instant::now();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(sights);
        }
        let seed = first.wrapping_add(number);
        let mut history = History::new(seed, usize::MAX, start, &vocabulary, &mut sights);
        if catch_unwind(AssertUnwindSafe(|| history.run())).is_err() {
            next.store(count, Ordering::Relaxed);
            return Err(format!(
                "{}history {} failed; LANE_SEED={seed} LANE_HISTORIES=1 repeats it",
                shrink(seed, start, &vocabulary),
                number + 1
            ));
        }
    }
}

/// The same seed with fewer calls makes another history, which most often fails as well.
fn shrink(seed: u64, start: Instant, vocabulary: &Vocabulary) -> String {
    for most_calls in (1..10).chain([usize::MAX]) {
        let mut sights = Sights::default();
        let mut history = History::new(seed, most_calls, start, vocabulary, &mut sights);
        history.trace_from_now_on();
        if catch_unwind(AssertUnwindSafe(|| history.run())).is_err() {
            return history.told();
        }
    }
    "not repeatable: ".to_owned()
}
