//! How many requests at once bring the most answers in a time, found by trying. Pure decisions.
//!
//! No number suits all: with 20 ms of latency 512 bring eight times as many answers as 64, and from a server
//! that answers at once fewer. Latency alone does not tell them apart, as it varies by itself. So twice as
//! many are tried for a while, and kept if that brings clearly more answers; and half as many, now and then,
//! are kept if that brings hardly fewer.

use tokio::time::Instant;

/// Twice as many have to bring so many times the answers.
const WORTHWHILE: f64 = 1.15;

/// Half as many may bring so much less.
const AS_GOOD: f64 = 0.9;

/// Answers are counted for so long: as often as all that are in flight have returned.
const ROUNDS: usize = 2;

/// For how many counts a number is kept before another one is tried, at first, and after each time in vain
/// twice as many.
const PATIENCE: u32 = 8;
const MAX_PATIENCE: u32 = 256;

#[derive(Debug)]
pub struct Concurrency {
    least: usize,
    most: usize,
    allowed: usize,
    count: Count,
    /// Answers since all that were allowed were in flight.
    since_full: usize,
    /// What another number has brought, while this one is tried.
    trial: Option<Trial>,
    next: Direction,
    patience: u32,
    /// Counts until another number is tried.
    waiting: u32,
}

/// How many answers have come, and since when.
#[derive(Clone, Copy, Debug)]
enum Count {
    /// Not counted: what was in flight before has to return.
    Settling {
        answers: usize,
    },
    Counting {
        answers: usize,
        since: Instant,
    },
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    before: usize,
    /// Answers a second.
    rate: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Concurrency {
    /// Between `least`, with which it begins, and `most`.
    pub fn new(least: usize, most: usize) -> Self {
        Self {
            least,
            most,
            allowed: least,
            count: Count::Settling { answers: 0 },
            since_full: 0,
            trial: None,
            next: Direction::Up,
            patience: PATIENCE,
            waiting: 0,
        }
    }

    /// How many requests there may be at once.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// As many are in flight as there may be.
    pub fn filled(&mut self) {
        self.since_full = 0;
    }

    /// An answer has come.
    pub fn answered(&mut self, now: Instant) {
        if self.least == self.most {
            return;
        }
        self.since_full += 1;
        if self.since_full > ROUNDS * self.allowed {
            self.interrupt();
            return;
        }
        match &mut self.count {
            Count::Settling { answers } => {
                *answers += 1;
                if *answers >= self.allowed {
                    self.count = Count::Counting { answers: 0, since: now };
                }
            }
            Count::Counting { answers, since } => {
                *answers += 1;
                if *answers >= ROUNDS * self.allowed {
                    let seconds = now.saturating_duration_since(*since).as_secs_f64().max(1e-6);
                    #[expect(clippy::cast_precision_loss, reason = "there are some hundred")]
                    let rate = *answers as f64 / seconds;
                    self.count = Count::Counting { answers: 0, since: now };
                    self.judge(rate);
                }
            }
        }
    }

    /// What is counted says nothing: fewer are needed than may be, or the database throttles.
    pub fn interrupt(&mut self) {
        self.since_full = 0;
        if let Some(trial) = self.trial.take() {
            self.allowed = trial.before;
        }
        self.count = Count::Settling { answers: 0 };
        self.waiting = self.waiting.min(PATIENCE);
    }

    fn judge(&mut self, rate: f64) {
        match self.trial.take() {
            None if self.waiting > 0 => self.waiting -= 1,
            None => self.try_another(rate),
            Some(trial) => {
                let is_kept = if trial.before < self.allowed {
                    rate >= trial.rate * WORTHWHILE
                } else {
                    rate >= trial.rate * AS_GOOD
                };
                if is_kept {
                    // What was found in one direction may go on in it.
                    self.patience = PATIENCE;
                    self.try_another(rate);
                } else {
                    self.go_to(trial.before);
                    self.next = self.next.opposite();
                    self.waiting = self.patience;
                    self.patience = (self.patience * 2).min(MAX_PATIENCE);
                }
            }
        }
    }

    fn try_another(&mut self, rate: f64) {
        let direction = match self.next {
            Direction::Up if self.allowed == self.most => Direction::Down,
            Direction::Down if self.allowed == self.least => Direction::Up,
            next => next,
        };
        if direction != self.next {
            // The end is reached: it is kept for a while.
            self.next = direction;
            self.waiting = self.patience;
            return;
        }
        self.trial = Some(Trial { before: self.allowed, rate });
        self.go_to(match direction {
            Direction::Up => (self.allowed * 2).min(self.most),
            Direction::Down => (self.allowed / 2).max(self.least),
        });
    }

    fn go_to(&mut self, allowed: usize) {
        self.allowed = allowed;
        self.count = Count::Settling { answers: 0 };
    }
}

impl Direction {
    fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

#[cfg(test)]
mod tests;
