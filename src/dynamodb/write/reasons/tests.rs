use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::dynamodb::tests::{record, write_of};
use crate::error::ErrorCode;
use crate::money::StoredBalance;
use crate::store::Entry;

/// In which the requests of these tests are composed.
fn composed() -> Epoch {
    Epoch::parse("1700000000000").unwrap()
}

/// The reasons of a write of so many records of one user.
fn read_reasons(reasons: &[CancellationReason]) -> Result<WriteAnswer, Fault> {
    let count = reasons.len().saturating_sub(1).max(1);
    let records = (0..count).map(|_| record(1.0, "credit")).collect();
    of_write(reasons, &write_of(records, composed()))
}

fn read_epoch_reasons(reasons: &[CancellationReason]) -> Result<EpochAnswer, Fault> {
    let user_id = record(1.0, "credit").transaction.user_id;
    let absent = (reasons.len() != 1).then(|| Arc::new(record(1.0, "credit")));
    of_epoch_ending(
        reasons,
        &EpochEnding { user_id, epoch: composed(), undone: absent.map(Entry::Record) },
    )
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn plain_number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Attributes {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn reason(code: &str) -> CancellationReason {
    CancellationReason::builder().code(code).build()
}

fn condition_failed(old: Option<Attributes>) -> CancellationReason {
    CancellationReason::builder().code("ConditionalCheckFailed").set_item(old).build()
}

/// What a request with one record hears when only the balance refuses.
fn refused(balance: StoredBalance) -> WriteAnswer {
    let balances = vec![Some(RefusedBalance { balance, held: StoredBalance::Absent, epoch: None })];
    WriteAnswer::Refused(Refusal { entries: vec![EntryState::Free], balances })
}

/// What a request with one record hears when only its key is taken.
fn taken(existing: ExistingRecord) -> WriteAnswer {
    let records = vec![EntryState::Taken(existing)];
    WriteAnswer::Refused(Refusal { entries: records, balances: vec![None] })
}

fn is_throttled(outcome: &Result<WriteAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Throttled(_)))
}

fn is_contended(outcome: &Result<WriteAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Contended(_)))
}

#[test]
fn a_failed_condition_of_the_record_is_a_taken_key() {
    let old = item([
        ("idempotentKey", text("key-1")),
        ("userId", text("user-2")),
        ("amount", plain_number("50.0")),
        ("type", text("credit")),
        ("callId", text("call-1")),
    ]);
    let answer = read_reasons(&[condition_failed(Some(old)), reason("None")]);
    let existing = ExistingRecord {
        user_id: Some("user-2".to_owned()),
        amount: Decimal::parse("50"),
        transaction_type: Some("credit".to_owned()),
        call_id: Some("call-1".to_owned()),
        ..ExistingRecord::default()
    };
    assert_eq!(answer, Ok(taken(existing)));
}

#[test]
fn a_record_of_another_shape_is_a_taken_key_all_the_same() {
    let odd = item([
        ("userId", plain_number("7")),
        ("amount", text("50")),
        ("type", AttributeValue::Null(true)),
    ]);
    for old in [Some(odd), None] {
        let answer = read_reasons(&[condition_failed(old), reason("None")]);
        assert_eq!(answer, Ok(taken(ExistingRecord::default())));
    }
}

#[test]
fn a_taken_key_and_a_refused_balance_are_both_told() {
    let answer = read_reasons(&[condition_failed(None), condition_failed(None)]);
    let refusal = Refusal {
        entries: vec![EntryState::Taken(ExistingRecord::default())],
        balances: vec![Some(RefusedBalance {
            balance: StoredBalance::Absent,
            held: StoredBalance::Absent,
            epoch: None,
        })],
    };
    assert_eq!(answer, Ok(WriteAnswer::Refused(refusal)));
}

#[test]
fn a_taken_key_is_told_whatever_happened_to_the_balance() {
    for code in ["TransactionConflict", "ThrottlingError", "ValidationError"] {
        let answer = read_reasons(&[condition_failed(None), reason(code)]);
        assert_eq!(answer, Ok(taken(ExistingRecord::default())), "{code}");
    }
}

#[test]
fn a_mixed_answer_tells_the_state_of_each_record_in_order() {
    let answer = read_reasons(&[
        reason("None"),
        condition_failed(None),
        reason("TransactionConflict"),
        reason("None"),
        condition_failed(Some(item([("balance", plain_number("3"))]))),
    ]);
    let refusal = Refusal {
        entries: vec![
            EntryState::Free,
            EntryState::Taken(ExistingRecord::default()),
            EntryState::Unclear,
            EntryState::Free,
        ],
        balances: vec![Some(RefusedBalance {
            balance: StoredBalance::Number(Decimal::parse("3").unwrap()),
            held: StoredBalance::Absent,
            epoch: None,
        })],
    };
    assert_eq!(answer, Ok(WriteAnswer::Refused(refusal)));
}

#[test]
fn a_refused_balance_counts_for_the_records_in_the_clear() {
    let answer =
        read_reasons(&[reason("TransactionConflict"), reason("None"), condition_failed(None)]);
    let Ok(WriteAnswer::Refused(refusal)) = answer else { panic!("no answer: {answer:?}") };
    assert_eq!(refusal.entries, [EntryState::Unclear, EntryState::Free]);
    assert!(refusal.balances[0].is_some());
}

#[test]
fn a_failed_condition_of_the_balance_is_a_refused_balance() {
    let in_the_clear = [reason("None"), CancellationReason::builder().build()];
    for record in in_the_clear {
        let old = item([("userId", text("user-1")), ("balance", plain_number("49.5"))]);
        let answer = read_reasons(&[record, condition_failed(Some(old))]);
        let balance = StoredBalance::Number(Decimal::parse("49.5").unwrap());
        assert_eq!(answer, Ok(refused(balance)));
    }
}

#[test]
fn a_refused_balance_without_an_item_is_absent() {
    let answer = read_reasons(&[reason("None"), condition_failed(None)]);
    assert_eq!(answer, Ok(refused(StoredBalance::Absent)));
}

#[test]
fn a_refused_balance_that_is_no_number_is_corrupt() {
    let old = item([("balance", text("a hundred"))]);
    let answer = read_reasons(&[reason("None"), condition_failed(Some(old))]);
    assert_eq!(answer, Ok(refused(StoredBalance::Corrupt)));
}

#[test]
fn a_refused_balance_tells_the_epoch_that_it_has_seen() {
    for (stored, expected) in [
        (plain_number("1700000005000"), Epoch::parse("1700000005000")),
        // What somebody else has written there does no harm.
        (text("1700000005000"), None),
        (plain_number("-1"), None),
        (plain_number("1e300"), None),
        (AttributeValue::Ss(vec!["a".to_owned()]), None),
    ] {
        let old = item([("balance", plain_number("1")), ("epoch", stored.clone())]);
        let answer = read_reasons(&[reason("None"), condition_failed(Some(old))]);
        let Ok(WriteAnswer::Refused(refusal)) = answer else { panic!("no answer: {answer:?}") };
        assert_eq!(refusal.balances[0].as_ref().unwrap().epoch, expected, "{stored:?}");
    }
}

#[test]
fn an_epoch_has_ended_if_it_was_over_already() {
    let over = || condition_failed(Some(item([("epoch", plain_number("1700000005000"))])));
    assert_eq!(read_epoch_reasons(&[over()]), Ok(EpochAnswer::Ended));
    assert_eq!(read_epoch_reasons(&[reason("None"), over()]), Ok(EpochAnswer::Ended));
    let conflict = read_epoch_reasons(&[reason("TransactionConflict"), over()]);
    assert!(is_contended_epoch(&conflict), "the record may be there: {conflict:?}");
}

#[test]
fn an_epoch_is_not_ended_where_the_record_is_there() {
    let taken = condition_failed(Some(item([("callId", text("call-1"))])));
    let existing = ExistingRecord { call_id: Some("call-1".to_owned()), ..Default::default() };
    for balance in ["None", "ConditionalCheckFailed", "TransactionConflict"] {
        let answer = read_epoch_reasons(&[taken.clone(), reason(balance)]);
        assert_eq!(answer, Ok(EpochAnswer::KeyTaken(existing.clone())), "{balance}");
    }
}

#[test]
fn anything_else_is_no_answer_about_an_epoch() {
    let contended = read_epoch_reasons(&[reason("None"), reason("TransactionConflict")]);
    assert!(is_contended_epoch(&contended), "{contended:?}");
    let throttled = read_epoch_reasons(&[reason("ThrottlingError"), reason("None")]);
    assert!(matches!(throttled, Err(Fault::Throttled(_))), "{throttled:?}");
    let nothing = read_epoch_reasons(&[reason("None"), reason("None")]);
    assert!(matches!(nothing, Err(Fault::Rejected(_))), "{nothing:?}");
}

fn is_contended_epoch(outcome: &Result<EpochAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Contended(_)))
}

#[test]
fn a_refused_balance_does_not_count_while_the_record_is_in_conflict() {
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
        let outcome = read_reasons(&[reason(code), condition_failed(None)]);
        assert!(is_throttled(&outcome), "{code}: {outcome:?}");
    }
    let outcome = read_reasons(&[reason("TransactionConflict"), condition_failed(None)]);
    assert!(is_contended(&outcome), "{outcome:?}");
}

#[test]
fn a_conflict_on_either_action_is_worth_another_attempt() {
    let conflict = || reason("TransactionConflict");
    assert!(is_contended(&read_reasons(&[reason("None"), conflict()])));
    assert!(is_contended(&read_reasons(&[conflict(), reason("None")])));
    assert!(is_contended(&read_reasons(&[conflict(), conflict()])));
}

#[test]
fn a_number_that_leaves_the_range_is_told_so() {
    let overflow = CancellationReason::builder()
        .code("ValidationError")
        .message("Number overflow. Attempting to store a number with magnitude larger than ...")
        .build();
    let Err(Fault::Rejected(error)) = read_reasons(&[reason("None"), overflow]) else {
        panic!("not rejected");
    };
    assert_eq!(error.code, ErrorCode::AmountOutOfRange);
}

#[test]
fn reasons_without_a_verdict_are_no_answer() {
    let outcome = read_reasons(&[reason("None"), reason("None")]);
    assert!(matches!(outcome, Err(Fault::Rejected(_))), "{outcome:?}");
}

#[test]
fn another_number_of_reasons_than_of_actions_is_unreadable() {
    let write = write_of(vec![record(1.0, "credit"), record(2.0, "credit")], composed());
    let failed = || condition_failed(None);
    for reasons in [vec![], vec![failed()], vec![failed(); 2], vec![failed(); 4]] {
        let outcome = of_write(&reasons, &write);
        assert!(matches!(outcome, Err(Fault::Unanswered(_))), "{outcome:?}");
    }
    for reasons in [vec![], vec![failed()], vec![failed(); 3]] {
        let outcome = of_absence(&reasons, &write);
        assert!(matches!(outcome, Err(Fault::Unanswered(_))), "{outcome:?}");
    }
    for reasons in [vec![], vec![failed(); 3]] {
        let outcome = read_epoch_reasons(&reasons);
        assert!(matches!(outcome, Err(Fault::Unanswered(_))), "{outcome:?}");
    }
}

#[test]
fn each_balance_of_several_users_tells_for_itself() {
    let other = {
        let mut other = record(1.0, "debit");
        let user_id = crate::value::Value::Text("user-2".to_owned());
        other.transaction.user_id =
            crate::transaction::UserId::validate_for_transaction(user_id).unwrap();
        other
    };
    let write = write_of(vec![record(1.0, "credit"), other], composed());
    let old = item([("balance", plain_number("0.5")), ("epoch", plain_number("7"))]);
    let reasons = [reason("None"), reason("None"), reason("None"), condition_failed(Some(old))];
    let expected = Refusal {
        entries: vec![EntryState::Free; 2],
        balances: vec![
            None,
            Some(RefusedBalance {
                balance: StoredBalance::Number(Decimal::parse("0.5").unwrap()),
                held: StoredBalance::Absent,
                epoch: Epoch::parse("7"),
            }),
        ],
    };
    assert_eq!(of_write(&reasons, &write), Ok(WriteAnswer::Refused(expected)));
}

#[test]
fn a_record_tells_its_metadata_and_its_place_in_a_group_if_they_can_be_read() {
    let map = |value| AttributeValue::M(item([("order", value)]));
    let read = |metadata, index, size| {
        let item = item([("metadata", metadata), ("groupIndex", index), ("groupSize", size)]);
        let existing = existing_record(Some(&item));
        (existing.metadata, existing.place)
    };
    let place = Some(PlaceInGroup { index: 1, size: 3 });
    assert_eq!(
        read(map(text("17")), plain_number("1"), plain_number("3")),
        (Some([("order".to_owned(), "17".to_owned())].into()), place)
    );
    let odd =
        [plain_number("1.5"), plain_number("-1"), plain_number("1e3"), AttributeValue::Bool(true)];
    for odd in odd {
        let nothing_readable = Some(BTreeMap::new());
        assert_eq!(
            read(map(odd.clone()), odd.clone(), plain_number("3")),
            (nothing_readable, None)
        );
        assert_eq!(read(text("17"), plain_number("1"), odd), (None, None));
    }
}

// Whatever DynamoDB answers.

fn any_attribute() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        any::<String>().prop_map(AttributeValue::S),
        any::<String>().prop_map(AttributeValue::N),
        "-?[0-9]{0,40}(\\.[0-9]{0,40})?([eE][+-]?[0-9]{1,20})?".prop_map(AttributeValue::N),
        any::<bool>().prop_map(AttributeValue::Bool),
        any::<bool>().prop_map(AttributeValue::Null),
        prop::collection::vec(any::<String>(), 0..3).prop_map(AttributeValue::Ss),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(AttributeValue::L)
    })
}

fn any_item() -> impl Strategy<Value = Option<HashMap<String, AttributeValue>>> {
    let name = prop::sample::select(vec![
        "balance",
        "epoch",
        "userId",
        "amount",
        "type",
        "callId",
        "timestamp",
    ]);
    prop::option::of(prop::collection::hash_map(name.prop_map(String::from), any_attribute(), 0..7))
}

fn any_reason() -> impl Strategy<Value = CancellationReason> {
    let code = prop_oneof![
        4 => prop::sample::select(vec![
            "None",
            "ConditionalCheckFailed",
            "TransactionConflict",
            "ThrottlingError",
            "ValidationError",
        ])
        .prop_map(String::from),
        1 => any::<String>(),
    ];
    let message = prop::option::of(any::<String>());
    (prop::option::of(code), message, any_item()).prop_map(|(code, message, item)| {
        CancellationReason::builder().set_code(code).set_message(message).set_item(item).build()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn no_cancellation_is_a_commit_and_only_a_failed_condition_is_a_verdict(
        reasons in prop::collection::vec(any_reason(), 0..6),
    ) {
        match read_reasons(&reasons) {
            Ok(WriteAnswer::Committed) => prop_assert!(false, "a cancelled transaction"),
            Ok(WriteAnswer::Refused(refusal)) => {
                prop_assert_eq!(refusal.entries.len() + 1, reasons.len());
                for (state, reason) in refusal.entries.iter().zip(&reasons) {
                    match state {
                        EntryState::Taken(_) => prop_assert!(is_condition_failure(reason)),
                        EntryState::Missing => prop_assert!(false, "no hold is closed"),
                        EntryState::Free => prop_assert!(is_in_the_clear(reason)),
                        EntryState::Unclear => {
                            prop_assert!(!is_condition_failure(reason) && !is_in_the_clear(reason));
                        }
                    }
                }
                let has_refused = is_condition_failure(reasons.last().unwrap());
                prop_assert_eq!(refusal.balances[0].is_some(), has_refused);
                let is_taken = |state: &EntryState| matches!(state, EntryState::Taken(_));
                let has_free = refusal.entries.contains(&EntryState::Free);
                prop_assert!(
                    refusal.entries.iter().any(is_taken) || (has_free && has_refused),
                    "nobody was refused"
                );
            }
            Err(fault) => {
                prop_assert_eq!(matches!(fault, Fault::Unanswered(_)), reasons.len() < 2);
            }
        }
    }
}
