use std::collections::HashSet;

use super::*;

#[test]
fn every_code_is_screaming_snake_case() {
    for code in ErrorCode::ALL {
        let spelling = code.as_str();
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase());
        assert!(spelling.split('_').all(is_word), "{spelling}");
    }
}

#[test]
fn every_code_is_spelt_like_its_name() {
    for code in ErrorCode::ALL {
        let name = format!("{code:?}").to_uppercase();
        assert_eq!(code.as_str().replace('_', ""), name);
    }
}

#[test]
fn no_two_codes_are_spelt_alike() {
    let spellings: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(spellings.len(), ErrorCode::ALL.len());
}

#[test]
fn only_what_time_alone_can_heal_is_retryable() {
    let retryable: Vec<&str> = ErrorCode::ALL
        .iter()
        .filter(|code| code.is_retryable())
        .map(|code| code.as_str())
        .collect();
    assert_eq!(retryable, ["NOTHING_HAPPENED", "OUTCOME_UNKNOWN", "TOO_MANY_CALLS"]);
}

#[test]
fn an_error_keeps_its_code_and_message_when_it_gets_a_cause() {
    let cause = Cause { name: "Error".to_owned(), message: "underneath".to_owned() };
    let error = BalanceError::new(ErrorCode::ServiceError, "on top").caused_by(Some(cause.clone()));
    assert_eq!(error.code, ErrorCode::ServiceError);
    assert_eq!(error.message, "on top");
    assert_eq!(error.cause, Some(cause));
}
