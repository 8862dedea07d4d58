use super::*;

const NOW: Duration = Duration::from_hours(500_000);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// A call that began this long ago.
fn call(age: Duration, number: u16) -> CallId {
    let milliseconds = NOW.checked_sub(age).unwrap().as_millis();
    CallId::parse(&format!(
        "{:08x}-{:04x}-7000-8000-00000000{number:04x}",
        milliseconds >> 16,
        milliseconds & 0xffff
    ))
    .unwrap()
}

#[test]
fn a_call_identifier_tells_when_the_call_began() {
    let age = Duration::from_mins(3);
    assert_eq!(call(age, 1).began(), Some(now() - age));
}

#[test]
fn the_first_fence_stands_alone() {
    let own = call(Duration::ZERO, 1);
    assert_eq!(with_one_more(&[], own, now()), Some(vec![own]));
}

#[test]
fn a_fence_stands_for_an_hour() {
    let young = call(Duration::from_mins(59), 1);
    let old = call(Duration::from_hours(1), 2);
    let own = call(Duration::ZERO, 3);
    assert_eq!(with_one_more(&[young, old], own, now()), Some(vec![young, own]));
}

#[test]
fn a_fence_from_a_clock_that_is_ahead_stands() {
    let ahead = CallId::parse("ffffffff-ffff-7000-8000-000000000001").unwrap();
    let own = call(Duration::ZERO, 1);
    assert_eq!(with_one_more(&[ahead], own, now()), Some(vec![ahead, own]));
}

#[test]
fn there_are_at_most_1000() {
    let standing: Vec<CallId> = (0..999).map(|number| call(Duration::ZERO, number)).collect();
    let own = call(Duration::ZERO, 1000);
    assert_eq!(with_one_more(&standing, own, now()).map(|fences| fences.len()), Some(1000));
    let standing: Vec<CallId> = (0..1000).map(|number| call(Duration::ZERO, number)).collect();
    assert_eq!(with_one_more(&standing, own, now()), None);
}
