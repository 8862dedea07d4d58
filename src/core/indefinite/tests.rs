use super::*;
use crate::error::Cause;

fn ending(operation: Operation) -> Ending {
    Ending { operation, call_timeout: Duration::from_secs(25) }
}

fn cause() -> Cause {
    Cause { name: "Throttling".to_owned(), message: "slow down".to_owned() }
}

fn throttled() -> Reason {
    Reason { summary: "DynamoDB answered Throttling".to_owned(), cause: Some(cause()) }
}

fn access_denied() -> BalanceError {
    BalanceError::new(ErrorCode::AccessDenied, "Access denied: not you.").caused_by(Some(cause()))
}

#[test]
fn a_transaction_that_was_never_taken_did_not_happen() {
    let error = ending(Operation::Transact).at_deadline(false, Some(throttled()));
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
    let lost = Reason { summary: "the connection was lost".to_owned(), cause: None };
    let error = ending(Operation::Transact).at_deadline(true, Some(lost));
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(
        error.message,
        "Outcome unknown: no answer within 25000 ms (the connection was lost). Money may or may \
         not have moved: call again with the same idempotentKey to find out. It cannot be applied \
         twice."
    );
    assert_eq!(error.cause, None);
}

#[test]
fn a_call_that_never_had_its_turn_says_so() {
    let error = ending(Operation::Transact).at_deadline(false, None);
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert_eq!(
        error.message,
        "Nothing happened: no success within 25000 ms (the request was still waiting for its \
         turn). No money moved; it is safe to call again."
    );
}

#[test]
fn a_read_without_an_answer_did_nothing() {
    for is_uncertain in [false, true] {
        let error = ending(Operation::Read).at_deadline(is_uncertain, Some(throttled()));
        assert_eq!(error.code, ErrorCode::NothingHappened);
        assert_eq!(
            error.message,
            "Nothing happened: no success within 25000 ms (DynamoDB answered Throttling). It is \
             safe to call again."
        );
    }
}

#[test]
fn a_transaction_cancelled_before_an_attempt_did_nothing() {
    let error = ending(Operation::Transact).cancelled(false);
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert_eq!(
        error.message,
        "Nothing happened: the call was cancelled. No money moved; it is safe to call again."
    );
}

#[test]
fn a_transaction_cancelled_after_an_attempt_has_an_unknown_outcome() {
    let error = ending(Operation::Transact).cancelled(true);
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(
        error.message,
        "Outcome unknown: the call was cancelled. Money may or may not have moved: call again \
         with the same idempotentKey to find out. It cannot be applied twice."
    );
}

#[test]
fn a_cancelled_read_did_nothing() {
    for is_uncertain in [false, true] {
        let error = ending(Operation::Read).cancelled(is_uncertain);
        assert_eq!(error.code, ErrorCode::NothingHappened);
        assert_eq!(
            error.message,
            "Nothing happened: the call was cancelled. It is safe to call again."
        );
    }
}

#[test]
fn a_refusal_is_told_as_it_is() {
    for (operation, is_uncertain) in
        [(Operation::Transact, false), (Operation::Read, false), (Operation::Read, true)]
    {
        let error = ending(operation).refused(is_uncertain, access_denied());
        assert_eq!(error, access_denied());
    }
}

#[test]
fn a_refusal_after_an_unanswered_attempt_leaves_the_outcome_unknown() {
    let error = ending(Operation::Transact).refused(true, access_denied());
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    assert_eq!(
        error.message,
        "Outcome unknown: an attempt went unanswered, and a later one was refused (Access \
         denied: not you.). Money may or may not have moved: call again with the same \
         idempotentKey to find out. It cannot be applied twice."
    );
    assert_eq!(error.cause, Some(cause()));
}
