use super::*;

#[test]
fn nobody_listens_once_connections_were_refused_for_a_while() {
    let listener = Listener::default();
    let began = Instant::now();
    assert!(!listener.is_absent(began));
    assert!(!listener.is_absent(began + PATIENCE - Duration::from_millis(1)));
    assert!(listener.is_absent(began + PATIENCE));
}

#[test]
fn who_has_listened_before_may_come_back() {
    let listener = Listener::default();
    let began = Instant::now();
    assert!(!listener.is_absent(began));
    listener.connected();
    assert!(!listener.is_absent(began + 10 * PATIENCE));
}
