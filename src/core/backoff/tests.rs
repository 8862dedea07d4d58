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
fn the_longest_pause_after_conflicts_is_50_ms() {
    let pauses: Vec<u128> =
        (0..5).map(|faults| pause_contended(faults, LONGEST).as_millis()).collect();
    assert_eq!(pauses, [25, 50, 50, 50, 50]);
}

#[test]
fn the_longest_pause_of_a_patient_request_is_20_s() {
    let pauses: Vec<u128> =
        (8..12).map(|faults| pause_patient(faults, LONGEST).as_millis()).collect();
    assert_eq!(pauses, [6_400, 12_800, 20_000, 20_000]);
}

#[test]
fn the_jitter_is_full() {
    for draw in [pause, pause_contended, pause_patient] {
        assert_eq!(draw(0, IMMEDIATELY), Duration::ZERO);
        assert_eq!(draw(1, HALF), Duration::from_millis(25));
        assert_eq!(draw(1, 0.25), Duration::from_micros(12_500));
    }
}

#[test]
fn the_pause_stays_at_its_ceiling_however_many_faults_there_are() {
    for faults in [32, 33, 64, 1_000_000, u32::MAX] {
        assert_eq!(pause(faults, LONGEST), Duration::from_secs(1));
        assert_eq!(pause_contended(faults, LONGEST), Duration::from_millis(50));
    }
}

proptest! {
    #[test]
    fn a_pause_never_passes_its_ceiling(faults: u32, jitter in 0.0..=1.0_f64) {
        prop_assert!(pause(faults, jitter) <= Duration::from_secs(1));
        prop_assert!(pause_contended(faults, jitter) <= Duration::from_millis(50));
        prop_assert!(pause_contended(faults, jitter) <= pause(faults, jitter));
    }
}
