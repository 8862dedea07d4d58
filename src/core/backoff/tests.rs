use proptest::prelude::*;

use super::*;

const IMMEDIATELY: f64 = 0.0;
const HALF: f64 = 0.5;
const LONGEST: f64 = 1.0;

#[test]
fn the_longest_pause_doubles_from_25_ms_to_a_second() {
    let pauses: Vec<u128> = (0..9).map(|faults| pause(faults, LONGEST).as_millis()).collect();
    assert_eq!(pauses, [25, 50, 100, 200, 400, 800, 1000, 1000, 1000]);
}

#[test]
fn the_longest_pause_after_conflicts_falls_from_7_times_a_request_to_once() {
    let usual = Some(Duration::from_millis(20));
    let pause = |faults| pause_contended(faults, usual, LONGEST).as_millis();
    assert_eq!([0, 1, 2, 5, 10, 40].map(pause), [140, 116, 96, 59, 32, 20]);
}

#[test]
fn where_no_request_was_answered_yet_it_is_taken_to_need_5_ms() {
    let known = pause_contended(0, Some(Duration::from_millis(5)), LONGEST);
    assert_eq!(pause_contended(0, None, LONGEST), known);
}

#[test]
fn the_longest_pause_after_conflicts_is_a_second_however_slow_requests_are() {
    for usual in [Duration::from_millis(200), Duration::from_secs(20), Duration::MAX] {
        assert_eq!(pause_contended(0, Some(usual), LONGEST), Duration::from_secs(1));
    }
}

#[test]
fn the_longest_pause_of_a_patient_request_is_20_s() {
    let pauses: Vec<u128> =
        (8..12).map(|faults| pause_patient(faults, LONGEST).as_millis()).collect();
    assert_eq!(pauses, [6_400, 12_800, 20_000, 20_000]);
}

#[test]
fn the_jitter_is_full() {
    for draw in [pause, pause_patient] {
        assert_eq!(draw(0, IMMEDIATELY), Duration::ZERO);
        assert_eq!(draw(1, HALF), Duration::from_millis(25));
        assert_eq!(draw(1, 0.25), Duration::from_micros(12_500));
    }
    assert_eq!(pause_contended(0, None, IMMEDIATELY), Duration::ZERO);
    assert_eq!(pause_contended(0, None, HALF), pause_contended(0, None, LONGEST) / 2);
}

#[test]
fn the_pause_stays_at_its_ceiling_however_many_faults_there_are() {
    for faults in [32, 33, 64, 1_000_000, u32::MAX] {
        assert_eq!(pause(faults, LONGEST), Duration::from_secs(1));
        assert_eq!(pause_contended(faults, None, LONGEST).as_millis(), 5);
    }
}

proptest! {
    #[test]
    fn a_pause_never_passes_its_ceiling(faults: u32, jitter in 0.0..=1.0_f64, usual: Duration) {
        prop_assert!(pause(faults, jitter) <= Duration::from_secs(1));
        prop_assert!(pause_contended(faults, Some(usual), jitter) <= Duration::from_secs(1));
    }

    #[test]
    fn who_has_waited_longer_pauses_no_longer(faults in 0..u32::MAX, usual: Duration) {
        let pause = |faults| pause_contended(faults, Some(usual), LONGEST);
        prop_assert!(pause(faults + 1) <= pause(faults));
    }
}
