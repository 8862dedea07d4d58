use proptest::prelude::*;

use super::*;
use crate::error::Cause;

const CALL_TIMEOUT: Duration = Duration::from_secs(25);
const IMMEDIATELY: f64 = 0.0;
const HALF: f64 = 0.5;
const LONGEST: f64 = 1.0;

fn cause() -> Cause {
    Cause { name: "Throttling".to_owned(), message: "slow down".to_owned() }
}

fn reason() -> Reason {
    Reason { summary: "DynamoDB answered Throttling".to_owned(), cause: Some(cause()) }
}

fn not_taken() -> Fault {
    Fault::NotTaken(reason())
}

fn unanswered() -> Fault {
    Fault::Unanswered(Reason { summary: "the connection was lost".to_owned(), cause: None })
}

fn access_denied() -> BalanceError {
    BalanceError::new(ErrorCode::AccessDenied, "Access denied: not you.").caused_by(Some(cause()))
}

/// A call that starts now.
fn start(operation: Operation) -> (Retry, Instant) {
    let now = Instant::now();
    (Retry::new(operation, CALL_TIMEOUT, now), now)
}

#[test]
fn the_longest_pause_doubles_from_25_ms_to_a_second() {
    let (mut retry, now) = start(Operation::Transact);
    let pauses: Vec<u128> =
        (0..9).map(|_| retry.pause(not_taken(), now, LONGEST).unwrap().as_millis()).collect();
    assert_eq!(pauses, [25, 50, 100, 200, 400, 800, 1000, 1000, 1000]);
}

#[test]
fn the_jitter_is_full() {
    let (mut retry, now) = start(Operation::Transact);
    assert_eq!(retry.pause(not_taken(), now, IMMEDIATELY), Ok(Duration::ZERO));
    assert_eq!(retry.pause(not_taken(), now, HALF), Ok(Duration::from_millis(25)));
    assert_eq!(retry.pause(not_taken(), now, 0.25), Ok(Duration::from_millis(25)));
}

#[test]
fn the_pause_stays_at_its_ceiling_however_many_faults_there_are() {
    let (mut retry, now) = start(Operation::Transact);
    for _ in 0..10_000 {
        assert!(retry.pause(not_taken(), now, LONGEST).unwrap() <= Duration::from_secs(1));
    }
}

#[test]
fn the_deadline_is_the_call_timeout_after_the_start() {
    let (retry, now) = start(Operation::Read);
    assert_eq!(retry.deadline(), now + CALL_TIMEOUT);
}

#[test]
fn an_attempt_may_take_its_own_time() {
    let (mut retry, now) = start(Operation::Read);
    let attempt_timeout = Duration::from_secs(5);
    assert_eq!(retry.begin_attempt(attempt_timeout, now), attempt_timeout);
    let with_enough_left = now + Duration::from_secs(20);
    assert_eq!(retry.begin_attempt(attempt_timeout, with_enough_left), attempt_timeout);
}

#[test]
fn an_attempt_may_not_take_longer_than_the_call_has_left() {
    let (mut retry, now) = start(Operation::Read);
    let attempt_timeout = Duration::from_secs(5);
    let late = now + Duration::from_secs(24);
    assert_eq!(retry.begin_attempt(attempt_timeout, late), Duration::from_secs(1));
    assert_eq!(retry.begin_attempt(attempt_timeout, now + CALL_TIMEOUT), Duration::ZERO);
    assert_eq!(retry.begin_attempt(attempt_timeout, now + CALL_TIMEOUT * 2), Duration::ZERO);
}

#[test]
fn a_transaction_that_was_never_taken_did_not_happen() {
    let (mut retry, now) = start(Operation::Transact);
    retry.pause(not_taken(), now, HALF).unwrap();
    let error = retry.pause(not_taken(), now + CALL_TIMEOUT, HALF).unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert_eq!(
        error.message,
        "Nothing happened: no success within 25000 ms (DynamoDB answered Throttling). No money \
         moved; it is safe to call again."
    );
    assert_eq!(error.cause, Some(cause()));
}

#[test]
fn a_transaction_without_an_answer_has_an_unknown_outcome() {
    let (mut retry, now) = start(Operation::Transact);
    let error = retry.pause(unanswered(), now + CALL_TIMEOUT, HALF).unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(
        error.message,
        "Outcome unknown: no answer within 25000 ms (the connection was lost). Money may or may \
         not have moved: call again with the same idempotentKey to find out. It cannot be applied \
         twice."
    );
}

#[test]
fn an_unanswered_attempt_is_not_forgotten_over_later_faults() {
    let (mut retry, now) = start(Operation::Transact);
    retry.pause(unanswered(), now, HALF).unwrap();
    retry.pause(not_taken(), now, HALF).unwrap();
    let error = retry.pause(not_taken(), now + CALL_TIMEOUT, HALF).unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
}

#[test]
fn a_read_without_an_answer_did_nothing() {
    let (mut retry, now) = start(Operation::Read);
    retry.pause(unanswered(), now, HALF).unwrap();
    let error = retry.pause(unanswered(), now + CALL_TIMEOUT, HALF).unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.ends_with("It is safe to call again."), "{}", error.message);
    assert!(!error.message.contains("money"), "{}", error.message);
}

#[test]
fn a_final_fault_ends_the_call_as_it_is() {
    for operation in [Operation::Read, Operation::Transact] {
        let (mut retry, now) = start(operation);
        retry.pause(not_taken(), now, HALF).unwrap();
        let outcome = retry.pause(Fault::Final(access_denied()), now, HALF);
        assert_eq!(outcome, Err(access_denied()));
    }
}

#[test]
fn a_final_fault_after_an_unanswered_attempt_leaves_the_outcome_unknown() {
    let (mut retry, now) = start(Operation::Transact);
    retry.pause(unanswered(), now, HALF).unwrap();
    let error = retry.pause(Fault::Final(access_denied()), now, HALF).unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert!(error.message.contains("Access denied: not you."), "{}", error.message);
    assert!(error.message.contains("call again with the same idempotentKey"), "{}", error.message);
    assert_eq!(error.cause, Some(cause()));
}

#[test]
fn a_final_fault_after_an_unanswered_read_is_told_as_it_is() {
    let (mut retry, now) = start(Operation::Read);
    retry.pause(unanswered(), now, HALF).unwrap();
    let outcome = retry.pause(Fault::Final(access_denied()), now, HALF);
    assert_eq!(outcome, Err(access_denied()));
}

#[test]
fn a_call_that_never_had_its_turn_says_so() {
    let (mut retry, _) = start(Operation::Transact);
    let error = retry.give_up();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(
        error.message.contains("the request was still waiting for its turn"),
        "{}",
        error.message
    );
}

#[test]
fn only_an_unanswered_transaction_makes_a_call_uncertain() {
    for (operation, fault, is_uncertain) in [
        (Operation::Transact, unanswered(), true),
        (Operation::Transact, not_taken(), false),
        (Operation::Read, unanswered(), false),
    ] {
        let (mut retry, now) = start(operation);
        retry.pause(fault, now, HALF).unwrap();
        assert_eq!(retry.is_uncertain(), is_uncertain);
    }
}

#[test]
fn a_call_cancelled_before_its_first_attempt_did_nothing() {
    let (mut retry, _) = start(Operation::Transact);
    let error = retry.cancel();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert_eq!(
        error.message,
        "Nothing happened: the call was cancelled. No money moved; it is safe to call again."
    );
}

#[test]
fn a_transaction_cancelled_during_an_attempt_has_an_unknown_outcome() {
    let (mut retry, now) = start(Operation::Transact);
    retry.begin_attempt(CALL_TIMEOUT, now);
    let error = retry.cancel();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(
        error.message,
        "Outcome unknown: the call was cancelled. Money may or may not have moved: call again \
         with the same idempotentKey to find out. It cannot be applied twice."
    );
}

#[test]
fn a_transaction_cancelled_between_attempts_is_uncertain_only_after_an_unanswered_one() {
    for (fault, code) in
        [(not_taken(), ErrorCode::NothingHappened), (unanswered(), ErrorCode::OutcomeUnknown)]
    {
        let (mut retry, now) = start(Operation::Transact);
        retry.begin_attempt(CALL_TIMEOUT, now);
        retry.pause(fault, now, HALF).unwrap();
        assert_eq!(retry.cancel().code, code);
    }
}

#[test]
fn a_cancelled_read_did_nothing() {
    let (mut retry, now) = start(Operation::Read);
    retry.begin_attempt(CALL_TIMEOUT, now);
    assert_eq!(retry.cancel().code, ErrorCode::NothingHappened);
}

/// What an attempt comes to, and how long it takes, in milliseconds.
#[derive(Clone, Debug)]
struct Attempt {
    fault: Fault,
    duration: u64,
    jitter: f64,
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let fault = prop_oneof![
        6 => Just(not_taken()),
        3 => Just(unanswered()),
        1 => Just(Fault::Final(access_denied())),
    ];
    (fault, 0_u64..3000, 0.0..1.0_f64).prop_map(|(fault, duration, jitter)| Attempt {
        fault,
        duration,
        jitter,
    })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![Just(Operation::Read), Just(Operation::Transact)]
}

proptest! {
    #[test]
    fn every_call_ends_in_time_and_with_the_right_code(
        operation in any_operation(),
        call_timeout in 1_u64..30_000,
        attempts in prop::collection::vec(any_attempt(), 1..60),
    ) {
        let mut now = Instant::now();
        let mut retry = Retry::new(operation, Duration::from_millis(call_timeout), now);
        let deadline = retry.deadline();
        let mut is_uncertain = false;
        for (earlier_faults, attempt) in attempts.into_iter().enumerate() {
            let limit = retry.begin_attempt(Duration::from_secs(5), now);
            now += limit.min(Duration::from_millis(attempt.duration));
            is_uncertain |= operation == Operation::Transact
                && matches!(attempt.fault, Fault::Unanswered(_));
            let is_final = matches!(attempt.fault, Fault::Final(_));
            match retry.pause(attempt.fault, now, attempt.jitter) {
                Ok(pause) => {
                    prop_assert!(!is_final);
                    prop_assert!(now + pause < deadline);
                    let doublings = u32::try_from(earlier_faults.min(10)).unwrap();
                    let ceiling = (25_u64 << doublings).min(1000);
                    prop_assert!(pause <= Duration::from_millis(ceiling));
                    now += pause;
                }
                Err(error) => {
                    prop_assert_eq!(error.code == ErrorCode::OutcomeUnknown, is_uncertain);
                    if !is_uncertain {
                        let expected = if is_final {
                            ErrorCode::AccessDenied
                        } else {
                            ErrorCode::NothingHappened
                        };
                        prop_assert_eq!(error.code, expected);
                    }
                    break;
                }
            }
        }
    }
}
