use super::*;

fn at(milliseconds: u64) -> Epoch {
    Epoch::at(SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds))
}

#[test]
fn an_epoch_lasts_five_seconds() {
    assert_eq!(at(5_000).to_string(), "5000");
    assert_eq!(at(9_999), at(5_000));
    assert_eq!(at(10_000), Epoch(10_000));
}

#[test]
fn an_epoch_is_over_once_a_later_one_was_seen() {
    let epoch = at(5_000);
    assert!(!epoch.is_over(None));
    assert!(!epoch.is_over(Some(at(0))));
    assert!(!epoch.is_over(Some(epoch)));
    assert!(epoch.is_over(Some(epoch.next())));
    assert!(epoch.is_over(Some(at(10_000))));
}

#[test]
fn an_epoch_that_lies_absurdly_far_ahead_counts_as_none() {
    let epoch = at(5_000);
    assert!(epoch.is_over(Some(epoch.latest())));
    assert!(!epoch.is_over(Some(epoch.latest().next())));
    assert!(!epoch.is_over(Epoch::parse("99999999999999999")));
}

#[test]
fn an_epoch_reads_back_as_it_is_stored() {
    assert_eq!(Epoch::parse(&at(12_345).to_string()), Some(at(12_345)));
    assert_eq!(Epoch::parse("12.5"), Some(Epoch(13)));
    for foreign in ["", "-1", "-1.5", "1e300", "soon"] {
        assert_eq!(Epoch::parse(foreign), None, "{foreign:?}");
    }
}

#[test]
fn a_clock_before_1970_is_the_first_epoch() {
    assert_eq!(Epoch::at(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), Epoch(0));
}
