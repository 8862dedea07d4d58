use super::*;

const BOTH: Tables = Tables { balances: true, transactions: true };

fn exchange(request_id: &str) -> Exchange {
    let now = Instant::now();
    Exchange {
        operation: "TransactWriteItems",
        server: None,
        began: now,
        ended: now + Duration::from_millis(5),
        status: Some(200),
        request_id: Some(request_id.to_owned()),
        error: None,
    }
}

#[test]
fn without_a_call_that_is_observed_nothing_is_kept() {
    let observer = Observer::default();
    observer.note(&[1], 1, BOTH, vec![exchange("a")]);
    observer.end(1);

    assert!(!observer.is_on());
    assert!(observer.take().is_none());
}

#[test]
fn a_call_is_observed_until_it_is_answered() {
    let observer = Observer::default();
    observer.observe(7);
    assert!(observer.is_on());
    observer.note(&[6, 7, 8], 3, BOTH, vec![exchange("a")]);
    observer.note(&[7], 1, BOTH, vec![exchange("b")]);
    observer.end(7);
    assert!(!observer.is_on());

    let Taken { calls, requests } = observer.take().unwrap();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.number, call.attempts, call.batch_size), (7, 2, Some(1)));
    assert_eq!(call.request_id.as_deref(), Some("b"));
    assert!(call.waited.is_some());
    let told: Vec<_> =
        requests.iter().map(|it| (it.numbers.clone(), it.batch_size, it.attempt)).collect();
    assert_eq!(told, [(vec![7], 3, 1), (vec![7], 1, 2)]);
    assert_eq!(requests[0].duration, Duration::from_millis(5));
    assert!(observer.take().is_none());
}

#[test]
fn a_call_that_was_not_made_is_not_told() {
    let observer = Observer::default();
    observer.observe(7);
    observer.disregard(7);
    observer.end(7);

    assert!(!observer.is_on());
    assert!(observer.take().is_none());
}

#[test]
fn a_call_that_nothing_was_sent_for_has_no_request() {
    let observer = Observer::default();
    observer.observe(7);
    observer.end(7);

    let Taken { calls, requests } = observer.take().unwrap();
    assert_eq!(
        calls,
        [ObservedCall {
            number: 7,
            attempts: 0,
            waited: None,
            batch_size: None,
            server: None,
            request_id: None
        }]
    );
    assert!(requests.is_empty());
}

#[test]
fn requests_that_nobody_takes_are_not_kept_for_ever() {
    let observer = Observer::default();
    observer.observe(7);
    for _ in 0..=MAX_REQUESTS {
        observer.note(&[7], 1, BOTH, vec![exchange("a")]);
    }

    assert_eq!(observer.take().unwrap().requests.len(), MAX_REQUESTS);
}
