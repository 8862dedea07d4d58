use proptest::prelude::*;

use super::*;
use crate::money::Decimal;
use crate::store::CallId;
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn transaction(transaction_type: &str) -> Transaction {
    Transaction::validate(
        text("key-1"),
        text("user-1"),
        &Value::Number(50.0),
        &text(transaction_type),
    )
    .unwrap()
}

/// What this call wants to write: a credit of 50.
fn record() -> Record {
    Record {
        transaction: transaction("credit"),
        timestamp: "2024-05-06T07:08:09.010Z".to_owned(),
        call_id: CallId::unique(),
    }
}

/// A record of the same request, written by another call.
fn twin() -> ExistingRecord {
    ExistingRecord {
        user_id: Some("user-1".to_owned()),
        amount: Decimal::parse("50"),
        transaction_type: Some("credit".to_owned()),
        call_id: Some(CallId::unique().to_string()),
    }
}

fn verdict(existing: &ExistingRecord) -> (ErrorCode, String) {
    let error = judge_taken_key(&record(), existing).unwrap_err();
    (error.code, error.message)
}

const DUPLICATE: &str = "Duplicate transaction: This idempotentKey has already been used.key-1";

fn assert_duplicate(existing: &ExistingRecord) {
    assert_eq!(verdict(existing), (ErrorCode::DuplicateTransaction, DUPLICATE.to_owned()));
}

fn assert_reused(existing: &ExistingRecord, fields: &str) {
    let message = format!(
        "{DUPLICATE} (for a request with another {fields}; nothing was changed, use a new key)"
    );
    assert_eq!(verdict(existing), (ErrorCode::IdempotentKeyReused, message));
}

#[test]
fn a_record_of_this_very_call_is_a_success() {
    let record = record();
    let own = ExistingRecord { call_id: Some(record.call_id.to_string()), ..twin() };
    assert_eq!(judge_taken_key(&record, &own), Ok(()));
}

#[test]
fn the_same_request_of_another_call_is_a_duplicate() {
    assert_duplicate(&twin());
}

#[test]
fn a_record_without_a_call_id_is_somebody_elses() {
    // Records of the old implementation have none.
    assert_duplicate(&ExistingRecord { call_id: None, ..twin() });
}

#[test]
fn the_amount_is_compared_as_a_number() {
    for spelling in ["50", "50.0", "5E1", "5e+1", "0.5E2", "50.000"] {
        assert_duplicate(&ExistingRecord { amount: Decimal::parse(spelling), ..twin() });
    }
}

#[test]
fn each_field_that_differs_is_named() {
    let other_user = ExistingRecord { user_id: Some("user-2".to_owned()), ..twin() };
    assert_reused(&other_user, "userId");
    let other_amount = ExistingRecord { amount: Decimal::parse("50.01"), ..twin() };
    assert_reused(&other_amount, "amount");
    let other_type = ExistingRecord { transaction_type: Some("debit".to_owned()), ..twin() };
    assert_reused(&other_type, "type");
}

#[test]
fn all_fields_that_differ_are_named() {
    let (code, message) = verdict(&ExistingRecord {
        user_id: Some("user-2".to_owned()),
        transaction_type: Some("debit".to_owned()),
        ..twin()
    });
    assert_eq!(code, ErrorCode::IdempotentKeyReused);
    assert!(message.contains("userId and type"), "{message}");
    assert!(!message.contains("amount"), "{message}");
}

#[test]
fn a_record_that_cannot_be_read_differs_in_everything() {
    let (code, message) = verdict(&ExistingRecord::default());
    assert_eq!(code, ErrorCode::IdempotentKeyReused);
    for field in ["userId", "amount", "type"] {
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn what_the_other_request_was_is_not_told() {
    let secret = "somebody-elses-user-id";
    let (_, message) = verdict(&ExistingRecord {
        user_id: Some(secret.to_owned()),
        amount: Decimal::parse("987654.321"),
        ..twin()
    });
    assert!(!message.contains(secret), "{message}");
    assert!(!message.contains("987654"), "{message}");
}

#[test]
fn a_refused_debit_is_an_insufficient_balance() {
    for balance in [StoredBalance::Absent, StoredBalance::Number(Decimal::parse("49").unwrap())] {
        let error = judge_refused_balance(&transaction("debit"), &balance);
        assert_eq!(error.code, ErrorCode::InsufficientBalance);
        assert_eq!(error.message, "Insufficient balance: Cannot process debit transaction.");
    }
}

#[test]
fn a_corrupt_balance_is_told_for_both_types() {
    for transaction_type in ["credit", "debit"] {
        let error = judge_refused_balance(&transaction(transaction_type), &StoredBalance::Corrupt);
        assert_eq!(error.code, ErrorCode::CorruptBalance);
        assert!(error.message.contains("\"user-1\""), "{}", error.message);
    }
}

#[test]
fn a_refused_credit_on_a_sound_balance_is_a_contradiction_of_the_service() {
    let balance = StoredBalance::Number(Decimal::parse("1").unwrap());
    let error = judge_refused_balance(&transaction("credit"), &balance);
    assert_eq!(error.code, ErrorCode::ServiceError);
}

proptest! {
    #[test]
    fn only_this_very_call_is_a_success(
        user_id in prop::option::of("user-[12]"),
        amount in prop::option::of("(50|5E1|50\\.0|51)"),
        transaction_type in prop::option::of("(credit|debit)"),
        is_own: bool,
    ) {
        let record = record();
        let call_id = if is_own { record.call_id } else { CallId::unique() };
        let is_same = user_id.as_deref() == Some("user-1")
            && amount.as_deref().is_some_and(|amount| amount != "51")
            && transaction_type.as_deref() == Some("credit");
        let existing = ExistingRecord {
            user_id,
            amount: amount.and_then(|amount| Decimal::parse(&amount)),
            transaction_type,
            call_id: Some(call_id.to_string()),
        };
        let code = judge_taken_key(&record, &existing).map_err(|error| error.code);
        let expected = match (is_own, is_same) {
            (true, _) => Ok(()),
            (false, true) => Err(ErrorCode::DuplicateTransaction),
            (false, false) => Err(ErrorCode::IdempotentKeyReused),
        };
        prop_assert_eq!(code, expected);
    }
}
