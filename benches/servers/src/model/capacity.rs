//! The capacity of one item, or of one key of an index: 1,000 units of writing and 3,000 of reading a
//! second. No setting of a table changes that.

use std::time::{Duration, Instant};

/// A tenth of a second's capacity can be saved up, so that a pause gives no long burst.
const SAVED: f64 = 0.1;

#[derive(Debug)]
pub struct Capacity {
    writing: Bucket,
    reading: Bucket,
}

impl Capacity {
    pub fn new(now: Instant) -> Self {
        Self { writing: Bucket::new(1000.0, now), reading: Bucket::new(3000.0, now) }
    }

    pub fn can_write(&mut self, now: Instant) -> bool {
        self.writing.has_units(now)
    }

    pub fn can_read(&mut self, now: Instant) -> bool {
        self.reading.has_units(now)
    }

    pub fn write(&mut self, units: u32) {
        self.writing.units -= f64::from(units);
    }

    pub fn read(&mut self, units: f64) {
        self.reading.units -= units;
    }
}

/// It may fall below nothing, because a request is never carried out in part.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    units: f64,
    filled: Instant,
}

impl Bucket {
    fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, units: per_second * SAVED, filled: now }
    }

    fn has_units(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).max(Duration::ZERO);
        self.units =
            (self.units + passed.as_secs_f64() * self.per_second).min(self.per_second * SAVED);
        self.filled = now;
        self.units > 0.0
    }
}

/// A write in a transaction costs two units for each KB that was started.
pub fn write_units(bytes: usize) -> u32 {
    2 * started(bytes, 1024)
}

/// An index follows its table without a transaction of its own: one unit for each KB.
pub fn index_units(bytes: usize) -> u32 {
    started(bytes, 1024)
}

/// A strongly consistent read costs a unit for each 4 KB that were started, another half of it.
pub fn read_units(bytes: usize, consistent: bool) -> f64 {
    f64::from(started(bytes, 4096)) * if consistent { 1.0 } else { 0.5 }
}

fn started(bytes: usize, step: usize) -> u32 {
    u32::try_from(bytes.div_ceil(step)).unwrap_or(u32::MAX).max(1)
}
