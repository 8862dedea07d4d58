use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::*;

/// A database and those who ask it, each again as soon as it is answered.
struct World {
    callers: u32,
    /// How long an answer takes on its way, at least and on average more than that.
    latency: f64,
    spread: f64,
    /// Answers a second that the database, or the machine, can bring at most.
    capacity: f64,
}

const LEAST: usize = 64;
const MOST: usize = 512;

impl World {
    /// Answers a second over so many answers.
    fn live(&self, answers: u32, mut concurrency: Option<&mut Concurrency>) -> f64 {
        let start = Instant::now();
        let mut random = fastrand::Rng::with_seed(7);
        let mut returns = BinaryHeap::new();
        let (mut now, mut free_at) = (0.0_f64, 0.0_f64);
        for _ in 0..answers {
            let allowed = concurrency.as_ref().map_or(LEAST, |it| it.allowed());
            while returns.len() < allowed.min(self.callers as usize) {
                // One after the other, each when the one before has been dealt with.
                free_at = free_at.max(now) + 1.0 / self.capacity;
                let extra = -self.spread * (1.0 - random.f64()).ln();
                let at = free_at + self.latency + extra;
                returns.push(Reverse(Duration::from_secs_f64(at)));
                if returns.len() == allowed
                    && let Some(concurrency) = concurrency.as_mut()
                {
                    concurrency.filled();
                }
            }
            let Reverse(returned) = returns.pop().unwrap();
            now = returned.as_secs_f64();
            if let Some(concurrency) = concurrency.as_mut() {
                concurrency.answered(start + returned);
            }
        }
        f64::from(answers) / now
    }

    /// What latency and capacity allow.
    fn possible(&self) -> f64 {
        let latency = self.latency + self.spread;
        (f64::from(self.callers) / latency).min(self.capacity)
    }
}

#[test]
fn the_number_is_found_that_latency_and_capacity_allow() {
    for (latency, spread) in
        [(0.02, 0.0), (0.005, 0.0), (0.004, 0.004), (0.015, 0.015), (0.0002, 0.0)]
    {
        for capacity in [2_000.0, 12_000.0, 40_000.0] {
            let world = World { callers: 512, latency, spread, capacity };
            let mut concurrency = Concurrency::new(LEAST, MOST);
            let rate = world.live(50_000, Some(&mut concurrency));
            let share = rate / world.possible();
            let before = world.live(10_000, None) / world.possible();
            let what = format!("{latency} + {spread} s, {capacity}/s: {share:.2}, {before:.2}");
            assert!(share > 0.75, "{what}");
            assert!(share > before * 0.97, "{what}");
        }
    }
}

#[test]
fn no_more_are_sent_than_bring_more() {
    // 64 requests use up what a database that answers at once can do.
    let world = World { callers: 512, latency: 0.0002, spread: 0.0, capacity: 10_000.0 };
    let mut concurrency = Concurrency::new(LEAST, MOST);
    world.live(50_000, Some(&mut concurrency));
    assert!(concurrency.allowed() <= 2 * LEAST, "{}", concurrency.allowed());
}

#[test]
fn fewer_are_sent_again_when_more_do_not_help_any_longer() {
    let mut concurrency = Concurrency::new(LEAST, MOST);
    let far = World { callers: 512, latency: 0.02, spread: 0.0, capacity: 40_000.0 };
    far.live(20_000, Some(&mut concurrency));
    assert_eq!(concurrency.allowed(), MOST);
    let near = World { latency: 0.0002, capacity: 10_000.0, ..far };
    near.live(100_000, Some(&mut concurrency));
    assert!(concurrency.allowed() <= 2 * LEAST, "{}", concurrency.allowed());
}

#[test]
fn a_load_that_needs_fewer_leaves_it_as_it_is() {
    let world = World { callers: 40, latency: 0.02, spread: 0.0, capacity: 40_000.0 };
    let mut concurrency = Concurrency::new(LEAST, MOST);
    world.live(20_000, Some(&mut concurrency));
    assert_eq!(concurrency.allowed(), LEAST);
}
