use super::*;
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn key(name: &str) -> IdempotentKey {
    IdempotentKey::validate(text(name)).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::validate_for_transaction(text(name)).unwrap()
}

fn named<'a>(key: &'a IdempotentKey, user_id: &'a UserId) -> Name<'a> {
    Name { key, user_id, is_closing: false }
}

fn epoch(number: u64) -> Epoch {
    Epoch::parse(&number.to_string()).unwrap()
}

#[test]
fn what_was_given_up_for_a_key_is_known() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now), None);
    abandoned.add(named(&key("a"), &user("u")), epoch(5), now);
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now), Some(epoch(5)));
    assert_eq!(abandoned.last_epoch(named(&key("b"), &user("u")), now), None);
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("other")), now), None);
    assert!(abandoned.contains(named(&key("a"), &user("u")), now));
    assert!(!abandoned.contains(named(&key("a"), &user("other")), now));
}

#[test]
fn of_several_requests_for_a_key_the_last_epoch_counts() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    for number in [5, 9, 7] {
        abandoned.add(named(&key("a"), &user("u")), epoch(number), now);
    }
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now), Some(epoch(9)));
}

#[test]
fn a_key_that_was_used_for_two_users_is_known_for_both() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    abandoned.add(named(&key("a"), &user("u")), epoch(5), now);
    abandoned.add(named(&key("a"), &user("other")), epoch(7), now);
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now), Some(epoch(5)));
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("other")), now), Some(epoch(7)));
}

#[test]
fn a_key_that_is_settled_is_forgotten() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    abandoned.add(named(&key("a"), &user("u")), epoch(5), now);
    abandoned.settle(named(&key("a"), &user("u")));
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now), None);
}

#[test]
fn what_is_older_than_a_signature_may_be_is_forgotten() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    abandoned.add(named(&key("a"), &user("u")), epoch(5), now);
    let last = now + MAX_AGE.checked_sub(Duration::from_millis(1)).unwrap();
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), last), Some(epoch(5)));
    assert_eq!(abandoned.last_epoch(named(&key("a"), &user("u")), now + MAX_AGE), None);
    assert!(!abandoned.contains(named(&key("a"), &user("u")), now + MAX_AGE));
    abandoned.add(named(&key("b"), &user("u")), epoch(6), now + MAX_AGE);
    assert_eq!(abandoned.order.len(), 1, "it takes no memory any more");
}

#[test]
fn past_the_limit_every_key_counts_as_one_that_was_given_up() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    abandoned.add(named(&key("first"), &user("u")), epoch(5), now);
    for number in 0..MAX_KEYS {
        abandoned.add(named(&key(&format!("k{number}")), &user("u")), epoch(7), now);
    }
    assert_eq!(abandoned.by_key.len(), MAX_KEYS);
    for name in ["first", "never given up"] {
        assert_eq!(
            abandoned.last_epoch(named(&key(name), &user("u")), now),
            Some(epoch(5)),
            "{name}"
        );
    }
    assert_eq!(abandoned.last_epoch(named(&key("k1"), &user("u")), now), Some(epoch(7)));
    assert_eq!(abandoned.last_epoch(named(&key("other"), &user("u")), now + MAX_AGE), None);
}

#[test]
fn that_a_key_is_settled_says_nothing_of_the_hold_that_has_it() {
    let (mut abandoned, now) = (Abandoned::default(), Instant::now());
    let (key, user) = (key("a"), user("u"));
    let closing = Name { is_closing: true, ..named(&key, &user) };
    abandoned.add(closing, epoch(5), now);
    abandoned.settle(named(&key, &user));
    assert_eq!(abandoned.last_epoch(closing, now), Some(epoch(5)));
    assert_eq!(abandoned.last_epoch(named(&key, &user), now), None);
    assert!(abandoned.contains_key(&key, now));
    abandoned.settle(closing);
    assert!(!abandoned.contains_key(&key, now));
}
