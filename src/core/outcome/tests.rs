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

fn up_to(balance: &str) -> Coverage {
    Coverage::UpTo(Decimal::parse(balance).unwrap())
}

fn of_amount(amount: f64, transaction_type: &str) -> Transaction {
    let (key, user_id) = (text("key-1"), text("user-1"));
    Transaction::validate(key, user_id, &Value::Number(amount), &text(transaction_type)).unwrap()
}

fn refusal(coverage: &Coverage, transaction: &Transaction) -> Option<ErrorCode> {
    coverage.refusal_of(transaction).map(|error| error.code)
}

/// Whether a balance covers a debit, to the cent.
fn is_covered(coverage: &Coverage, cents: u32) -> bool {
    let debit = of_amount(f64::from(cents) / 100.0, "debit");
    refusal(coverage, &debit).is_none()
}

#[test]
fn a_debit_larger_than_the_balance_is_an_insufficient_balance() {
    let error = up_to("49").refusal_of(&transaction("debit")).unwrap();
    assert_eq!(error.code, ErrorCode::InsufficientBalance);
    assert_eq!(error.message, "Insufficient balance: Cannot process debit transaction.");
}

#[test]
fn a_balance_covers_as_much_as_itself() {
    assert!(is_covered(&up_to("49.99"), 4999));
    assert!(!is_covered(&up_to("49.99"), 5000));
}

#[test]
fn a_negative_balance_covers_no_debit() {
    assert!(!is_covered(&up_to("-1"), 1));
}

#[test]
fn a_credit_needs_no_coverage() {
    for balance in ["0", "-1000", "1e30"] {
        assert_eq!(refusal(&up_to(balance), &transaction("credit")), None);
    }
}

#[test]
fn a_corrupt_balance_is_told_for_both_types() {
    for transaction_type in ["credit", "debit"] {
        let error = Coverage::Nothing.refusal_of(&transaction(transaction_type)).unwrap();
        assert_eq!(error.code, ErrorCode::CorruptBalance);
        assert!(error.message.contains("\"user-1\""), "{}", error.message);
    }
}

#[test]
fn without_a_stored_balance_the_default_covers() {
    let default_balance = Decimal::parse("100").unwrap();
    let coverage = Coverage::of(&StoredBalance::Absent, &default_balance);
    assert!(is_covered(&coverage, 10_000));
    assert!(!is_covered(&coverage, 10_001));
}

#[test]
fn a_stored_balance_covers_whatever_the_default_is() {
    let default_balance = Decimal::parse("100").unwrap();
    let stored = StoredBalance::Number(Decimal::parse("3").unwrap());
    let coverage = Coverage::of(&stored, &default_balance);
    assert!(is_covered(&coverage, 300));
    assert!(!is_covered(&coverage, 301));
}

#[test]
fn a_corrupt_balance_covers_nothing_whatever_comes_first() {
    let mut coverage = Coverage::of(&StoredBalance::Corrupt, &Decimal::parse("100").unwrap())
        .with_credits([transaction("credit")].iter());
    assert_eq!(refusal(&coverage, &transaction("debit")), Some(ErrorCode::CorruptBalance));
    for transaction_type in ["credit", "debit"] {
        assert!(!coverage.take(&transaction(transaction_type)));
    }
}

#[test]
fn only_credits_add_to_the_coverage() {
    let others = [of_amount(20.0, "credit"), of_amount(7.0, "debit"), of_amount(0.5, "credit")];
    let coverage = up_to("1").with_credits(others.iter());
    assert!(is_covered(&coverage, 2150));
    assert!(!is_covered(&coverage, 2151));
}

#[test]
fn what_is_taken_is_gone_for_the_next_one() {
    let mut coverage = up_to("100");
    assert!(coverage.take(&of_amount(60.0, "debit")));
    assert!(!coverage.take(&of_amount(40.01, "debit")));
    assert!(coverage.take(&of_amount(40.0, "debit")));
    assert!(!coverage.take(&of_amount(0.01, "debit")));
}

#[test]
fn taking_a_credit_changes_nothing() {
    // The credits have been counted beforehand.
    let mut coverage = up_to("1");
    assert!(coverage.take(&of_amount(1000.0, "credit")));
    assert!(!is_covered(&coverage, 101));
}

#[test]
fn a_refusal_of_what_is_covered_is_a_contradiction_of_the_service() {
    assert_eq!(refused_although_covered().code, ErrorCode::ServiceError);
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

    #[test]
    fn whatever_is_taken_together_leaves_at_least_nothing(
        balance in 0_u32..100_000,
        cents in prop::collection::vec((1_u32..40_000, any::<bool>()), 0..20),
    ) {
        let transactions: Vec<(i64, Transaction)> = cents
            .iter()
            .map(|(cents, is_credit)| {
                let kind = if *is_credit { "credit" } else { "debit" };
                let sign = if *is_credit { 1 } else { -1 };
                (sign * i64::from(*cents), of_amount(f64::from(*cents) / 100.0, kind))
            })
            .collect();
        let mut covered = up_to(&format!("{balance}e-2"))
            .with_credits(transactions.iter().map(|(_, transaction)| transaction));
        let mut left = i64::from(balance)
            + transactions.iter().map(|(moved, _)| (*moved).max(0)).sum::<i64>();
        for (moved, transaction) in &transactions {
            let fits = *moved > 0 || left + moved >= 0;
            prop_assert_eq!(covered.take(transaction), fits);
            if fits {
                left += (*moved).min(0);
            }
        }
    }
}
