use super::*;

const MAX: usize = 8;
const LATENCY: Duration = Duration::from_millis(5);

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn begin(requests: &mut InFlight, count: usize, now: Instant) -> Vec<Ticket> {
    (0..count).map(|_| requests.begin(now)).collect()
}

/// So many requests, one after the other, that end like that.
fn live_through(requests: &mut InFlight, count: usize, end: End, now: &mut Instant) {
    for _ in 0..count {
        let ticket = requests.begin(*now);
        *now += LATENCY;
        requests.end(ticket, end, *now, 1.0);
    }
}

#[test]
fn there_is_room_for_a_number_of_requests() {
    let (mut requests, now) = (InFlight::new(MAX, MAX), Instant::now());
    assert_eq!(requests.room(now), MAX);
    let tickets = begin(&mut requests, MAX, now);
    assert_eq!(requests.room(now), 0);
    requests.end(tickets[0], End::Answered, now, 1.0);
    assert_eq!(requests.room(now), 1);
}

#[test]
fn slow_requests_do_not_count_any_more() {
    let (mut requests, now) = (InFlight::new(MAX, MAX), Instant::now());
    let tickets = begin(&mut requests, MAX, now);
    let slow = requests.next_room(now).unwrap();
    assert_eq!(slow, now + MIN_SLOW);
    assert_eq!(requests.room(slow), MAX);
    requests.end(tickets[0], End::Other, slow, 1.0);
    assert_eq!(requests.room(slow), MAX);
}

#[test]
fn slow_is_what_takes_several_times_as_long_as_usual() {
    let (mut requests, mut now) = (InFlight::new(MAX, MAX), Instant::now());
    for _ in 0..100 {
        let ticket = requests.begin(now);
        now += milliseconds(200);
        requests.end(ticket, End::Answered, now, 1.0);
    }
    begin(&mut requests, MAX, now);
    assert_eq!(requests.room(now + milliseconds(1_500)), 0);
    assert_eq!(requests.room(now + milliseconds(1_600)), MAX);
}

#[test]
fn there_is_a_limit_to_the_slow_ones_as_well() {
    let (mut requests, mut now) = (InFlight::new(MAX, MAX), Instant::now());
    while requests.room(now) > 0 {
        let room = requests.room(now);
        begin(&mut requests, room, now);
        now += MIN_SLOW;
    }
    assert_eq!(requests.in_time.len() + requests.slow.len(), MAX_TOTAL);
    assert_eq!(requests.next_room(now), None, "only an end makes room");
}

#[test]
fn a_database_that_throttles_is_asked_less_and_less() {
    let (mut requests, mut now) = (InFlight::new(MAX, MAX), Instant::now());
    let mut count = 0;
    while requests.room(now) > 0 {
        live_through(&mut requests, 1, End::Throttled, &mut now);
        count += 1;
    }
    assert_eq!(requests.limit, 1);
    assert!(count < 100, "it pauses after {count}");
    let pause_ends = requests.next_room(now).unwrap();
    assert!(pause_ends <= now + Duration::from_secs(1));
    assert_eq!(requests.room(pause_ends), 1);
}

#[test]
fn one_account_that_is_throttled_does_not_slow_the_others() {
    let (mut requests, mut now) = (InFlight::new(MAX, MAX), Instant::now());
    for _ in 0..100 {
        live_through(&mut requests, 1, End::Throttled, &mut now);
        live_through(&mut requests, 3, End::Answered, &mut now);
    }
    assert_eq!(requests.room(now), MAX);
}

#[test]
fn once_it_is_over_all_is_as_before_after_a_few_answers() {
    let (mut requests, mut now) = (InFlight::new(64, 64), Instant::now());
    live_through(&mut requests, 100, End::Throttled, &mut now);
    now += Duration::from_secs(1);
    live_through(&mut requests, 40, End::Answered, &mut now);
    assert_eq!(requests.room(now), 64);
}

#[test]
fn what_is_lost_says_nothing_about_how_busy_the_database_is() {
    let (mut requests, mut now) = (InFlight::new(MAX, MAX), Instant::now());
    live_through(&mut requests, 100, End::Other, &mut now);
    assert_eq!(requests.room(now), MAX);
}
