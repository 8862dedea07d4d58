//! The time by which requests are signed and credentials expire: this machine's, corrected by
//! DynamoDB's answers.
//!
//! It goes on by the monotonic clock, so that nobody who sets the machine's clock while the
//! process runs moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use tokio::time::Instant;

/// How far the `Date` of an answer may lie outside the time between request and answer: it is a
/// whole second.
const RESOLUTION: Duration = Duration::from_secs(1);

/// A `Date` before 2020 or after 2100 is no clock's.
const EARLIEST_DATE: Duration = Duration::from_hours(438_288);
const LATEST_DATE: Duration = Duration::from_hours(1_139_568);

#[derive(Clone, Debug)]
pub struct Clock(Arc<State>);

#[derive(Debug)]
struct State {
    /// The machine's time at one instant.
    wall: SystemTime,
    instant: Instant,
    /// Microseconds by which the machine's time was behind.
    correction: AtomicI64,
}

impl Clock {
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    fn starting_at(wall: SystemTime) -> Self {
        Self(Arc::new(State { wall, instant: Instant::now(), correction: AtomicI64::new(0) }))
    }

    pub fn now(&self) -> SystemTime {
        self.at(Instant::now())
    }

    /// The time at an instant after the clock was made, by what is known now.
    pub fn at(&self, instant: Instant) -> SystemTime {
        let correction = self.0.correction.load(Ordering::Acquire);
        let passed = instant.saturating_duration_since(self.0.instant);
        shift(self.0.wall + passed, correction)
    }

    /// Whether the time at `instant` is another one now than `then`, when it was taken.
    pub fn was_corrected_since(&self, instant: Instant, then: SystemTime) -> bool {
        distance(then, self.at(instant)).unsigned_abs() >= RESOLUTION.as_micros()
    }

    /// Learns from an answer whose request was sent at this instant.
    pub fn observe(&self, answer: &HttpResponse, sent: Instant) {
        if let Some(date) = read_date(answer) {
            self.correct(date, sent, Instant::now());
        }
    }

    /// DynamoDB wrote `date` at some time in between, however long the answer took. Where this
    /// clock agrees, it is left alone; otherwise it is moved by as little as makes it agree.
    fn correct(&self, date: SystemTime, sent: Instant, arrived: Instant) {
        let middle = date + RESOLUTION / 2;
        let (sent, arrived) = (self.at(sent), self.at(arrived));
        let by = if date > arrived + RESOLUTION {
            distance(arrived, middle)
        } else if date + RESOLUTION < sent {
            distance(sent, middle)
        } else {
            return;
        };
        self.0.correction.fetch_add(i64::try_from(by).unwrap_or_default(), Ordering::AcqRel);
    }
}

/// The credentials of the AWS chain are fetched with signed requests as well.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}

/// When DynamoDB answered. Whoever else answers has no request id, and may have any time.
fn read_date(answer: &HttpResponse) -> Option<SystemTime> {
    let headers = answer.headers();
    headers.get("x-amzn-requestid")?;
    let date = DateTime::from_str(headers.get("date")?, Format::HttpDate).ok()?;
    let date = SystemTime::try_from(date).ok()?;
    (UNIX_EPOCH + EARLIEST_DATE..UNIX_EPOCH + LATEST_DATE).contains(&date).then_some(date)
}

/// Microseconds from one time to another.
fn distance(from: SystemTime, to: SystemTime) -> i128 {
    let micros = |duration: Duration| i128::try_from(duration.as_micros()).unwrap_or(i128::MAX);
    match to.duration_since(from) {
        Ok(forward) => micros(forward),
        Err(backward) => -micros(backward.duration()),
    }
}

fn shift(time: SystemTime, micros: i64) -> SystemTime {
    let by = Duration::from_micros(micros.unsigned_abs());
    let shifted = if micros < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

#[cfg(test)]
mod tests;
