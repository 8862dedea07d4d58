use super::*;

#[test]
fn an_attempt_passes_and_can_no_longer_be_called_back() {
    let gate = SendGate::default();
    assert!(!gate.has_passed());
    assert!(gate.pass());
    assert!(gate.has_passed());
    assert!(!gate.revoke());
    assert!(gate.pass(), "further requests of the same attempt leave as well");
}

#[test]
fn an_attempt_that_was_called_back_never_passes() {
    let gate = SendGate::default();
    assert!(gate.revoke());
    assert!(gate.revoke(), "to call it back twice changes nothing");
    assert!(!gate.clone().pass());
    assert!(!gate.has_passed());
}

#[test]
fn an_attempt_that_was_answered_without_effect_can_be_called_back() {
    let gate = SendGate::default();
    assert!(gate.pass());
    gate.answered();
    assert!(!gate.has_passed());
    assert!(gate.pass(), "it may go on reading");
    assert!(!gate.has_passed());
    assert!(gate.revoke());
    assert!(!gate.pass());
}
