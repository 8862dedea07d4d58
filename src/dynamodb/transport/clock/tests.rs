use aws_smithy_types::body::SdkBody;
use http::Response;
use tokio::time::advance;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// 12:00:00 on a day in 2026.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(494_580)
}

fn answer(headers: &[(&str, &str)]) -> HttpResponse {
    let mut response = Response::builder().status(200);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(SdkBody::empty()).unwrap().try_into().unwrap()
}

fn from_dynamodb(date: SystemTime) -> HttpResponse {
    let date = DateTime::from(date).fmt(Format::HttpDate).unwrap();
    answer(&[("x-amzn-requestid", "1"), ("date", &date)])
}

/// How far the clock is off a second after a request that was answered at once, in seconds.
async fn error_after_an_answer(skew: i64) -> f64 {
    let clock = Clock::starting_at(shift(noon(), skew * 1_000_000));
    let sent = Instant::now();
    clock.observe(&from_dynamodb(noon()), sent);
    advance(SECOND).await;
    #[expect(clippy::cast_precision_loss)]
    let error = distance(noon() + SECOND, clock.now()) as f64 / 1e6;
    error.abs()
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_right_after_one_answer() {
    for skew in [3600, -3600, 1200, -1200, 86_400 * 365, -86_400 * 365, 5, -5] {
        let error = error_after_an_answer(skew).await;
        assert!(error <= 1.0, "a skew of {skew} s left {error} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_agrees_is_left_alone() {
    for date in [noon(), noon() - SECOND, noon() + SECOND] {
        let clock = Clock::starting_at(noon());
        clock.observe(&from_dynamodb(date), Instant::now());
        assert_eq!(clock.now(), noon());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_does_no_harm() {
    // Whether it was written at once or at the end.
    for written in [0, 12, 25] {
        let clock = Clock::starting_at(noon());
        let sent = Instant::now();
        advance(25 * SECOND).await;
        clock.observe(&from_dynamodb(noon() + written * SECOND), sent);
        assert_eq!(clock.now(), noon() + 25 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_overlap_correct_it_once() {
    let clock = Clock::starting_at(noon() - HOUR);
    let sent = Instant::now();
    for _ in 0..10 {
        clock.observe(&from_dynamodb(noon()), sent);
    }
    assert!(distance(noon(), clock.now()).unsigned_abs() <= RESOLUTION.as_micros());
}

#[tokio::test(start_paused = true)]
async fn it_follows_a_service_whose_time_jumps_back_and_forth() {
    let clock = Clock::starting_at(noon());
    for jump in [HOUR, 2 * HOUR, Duration::ZERO, HOUR / 3] {
        clock.observe(&from_dynamodb(noon() + jump), Instant::now());
        assert!(distance(noon() + jump, clock.now()).unsigned_abs() <= RESOLUTION.as_micros());
    }
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_by_the_monotonic_clock() {
    let clock = Clock::starting_at(noon());
    // Tokio's time stands for the monotonic one; the machine's own goes on by nothing meanwhile.
    advance(HOUR).await;
    assert_eq!(clock.now(), noon() + HOUR);
}

#[tokio::test(start_paused = true)]
async fn what_was_signed_before_a_correction_is_known() {
    let clock = Clock::starting_at(noon());
    let (signed, time) = (Instant::now(), clock.now());
    assert!(!clock.was_corrected_since(signed, time));
    advance(HOUR).await;
    assert!(!clock.was_corrected_since(signed, time));
    clock.observe(&from_dynamodb(noon()), Instant::now());
    assert!(clock.was_corrected_since(signed, time));
}

#[tokio::test(start_paused = true)]
async fn an_absurd_date_is_ignored() {
    let old = DateTime::from(UNIX_EPOCH + HOUR).fmt(Format::HttpDate).unwrap();
    let far = DateTime::from(UNIX_EPOCH + LATEST_DATE + HOUR).fmt(Format::HttpDate).unwrap();
    let plausible = DateTime::from(noon() + HOUR).fmt(Format::HttpDate).unwrap();
    for headers in [
        vec![("x-amzn-requestid", "1"), ("date", old.as_str())],
        vec![("x-amzn-requestid", "1"), ("date", far.as_str())],
        vec![("x-amzn-requestid", "1"), ("date", "yesterday")],
        vec![("x-amzn-requestid", "1"), ("date", "")],
        vec![("x-amzn-requestid", "1")],
        // Not DynamoDB's.
        vec![("date", plausible.as_str())],
    ] {
        let clock = Clock::starting_at(noon());
        clock.observe(&answer(&headers), Instant::now());
        assert_eq!(clock.now(), noon(), "{headers:?}");
    }
}
