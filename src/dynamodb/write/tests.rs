use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::tests::{attempt, database, options, record, server};
use super::*;
use crate::money::StoredBalance;

fn write(records: &[(f64, &str)]) -> WriteRequest {
    let records: Vec<Arc<Record>> =
        records.iter().map(|(amount, kind)| Arc::new(record(*amount, kind))).collect();
    WriteRequest::new(epoch(), &records)
}

/// In which the requests of these tests are composed.
fn epoch() -> Epoch {
    Epoch::parse("1700000000000").unwrap()
}

fn put(record: &Record) -> Put {
    put_record(record, &options(100.0))
}

fn update_of(records: &[(f64, &str)], default_balance: f64) -> Update {
    let actions = write(records).actions(&options(default_balance));
    actions.last().unwrap().update().unwrap().clone()
}

fn update(amount: f64, transaction_type: &str, default_balance: f64) -> Update {
    update_of(&[(amount, transaction_type)], default_balance)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn plain_number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

fn item<const N: usize>(
    attributes: [(&str, AttributeValue); N],
) -> HashMap<String, AttributeValue> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn reason(code: &str) -> CancellationReason {
    CancellationReason::builder().code(code).build()
}

fn condition_failed(old: Option<HashMap<String, AttributeValue>>) -> CancellationReason {
    CancellationReason::builder().code("ConditionalCheckFailed").set_item(old).build()
}

/// What a request with one record hears when only the balance refuses.
fn refused(balance: StoredBalance) -> WriteAnswer {
    let balance = Some(RefusedBalance { balance, epoch: None });
    WriteAnswer::Refused(Refusal { records: vec![RecordState::Free], balance })
}

/// What a request with one record hears when only its key is taken.
fn taken(existing: ExistingRecord) -> WriteAnswer {
    WriteAnswer::Refused(Refusal { records: vec![RecordState::Taken(existing)], balance: None })
}

fn is_throttled(outcome: &Result<WriteAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Throttled(_)))
}

fn is_contended(outcome: &Result<WriteAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Contended(_)))
}

fn is_rejected(outcome: &Result<WriteAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Rejected(_)))
}

#[test]
fn a_request_is_the_record_and_then_the_balance() {
    let actions = write(&[(50.0, "credit")]).actions(&options(100.0));
    assert_eq!(actions.len(), 2);
    let [first, second] = [&actions[0], &actions[1]];
    assert!(first.put().is_some());
    assert!(first.update().is_none() && first.delete().is_none());
    assert!(second.update().is_some());
    assert!(second.put().is_none() && second.condition_check().is_none());
}

#[test]
fn the_record_has_the_attributes_of_the_contract_and_the_call_id() {
    let record = record(0.1, "debit");
    let expected = item([
        ("idempotentKey", text("key-1")),
        ("userId", text("user-1")),
        ("amount", plain_number("0.1")),
        ("type", text("debit")),
        ("timestamp", text("2024-05-06T07:08:09.010Z")),
        ("callId", text(&record.call_id.to_string())),
    ]);
    let put = put(&record);
    assert_eq!(put.table_name(), "Movements");
    assert_eq!(put.item(), &expected);
}

#[test]
fn the_record_is_only_written_under_a_new_key_and_tells_what_was_there() {
    let put = put(&record(50.0, "credit"));
    assert_eq!(put.condition_expression(), Some("attribute_not_exists(idempotentKey)"));
    assert_eq!(
        put.return_values_on_condition_check_failure(),
        Some(&ReturnValuesOnConditionCheckFailure::AllOld)
    );
}

#[test]
fn a_credit_adds_to_the_balance_or_to_the_default_unless_it_is_corrupt() {
    let request = write(&[(50.25, "credit")]);
    let actions = request.actions(&options(100.0));
    let update = actions[1].update().unwrap();
    assert_eq!(update.table_name(), "Balances");
    assert_eq!(update.key(), &item([("userId", text("user-1"))]));
    assert_eq!(
        update.update_expression(),
        "SET balance = if_not_exists(balance, :default) + :amount, epoch = :epoch REMOVE \
         fencedCalls"
    );
    assert_eq!(
        update.condition_expression(),
        Some(
            "(attribute_not_exists(balance) OR attribute_type(balance, :number)) AND NOT \
             (epoch BETWEEN :next AND :latest)"
        )
    );
    assert_eq!(
        update.expression_attribute_values(),
        Some(&item([
            (":amount", plain_number("50.25")),
            (":default", plain_number("100")),
            (":epoch", plain_number("1700000000000")),
            (":latest", plain_number("1700003600000")),
            (":next", plain_number("1700000000001")),
            (":number", text("N")),
        ]))
    );
}

#[test]
fn a_debit_that_the_default_covers_passes_without_a_balance() {
    for amount in [99.99, 100.0] {
        let update = update(amount, "debit", 100.0);
        assert_eq!(
            update.update_expression(),
            "SET balance = if_not_exists(balance, :default) - :amount, epoch = :epoch REMOVE \
             fencedCalls"
        );
        assert_eq!(
            update.condition_expression(),
            Some(
                "(attribute_not_exists(balance) OR balance >= :floor) AND NOT \
                 (epoch BETWEEN :next AND :latest)"
            )
        );
    }
}

#[test]
fn a_debit_larger_than_the_default_needs_a_balance() {
    for (amount, default_balance) in [(100.01, 100.0), (1.0, 0.0), (1e-130, 0.0)] {
        let update = update(amount, "debit", default_balance);
        assert_eq!(
            update.condition_expression(),
            Some("(balance >= :floor) AND NOT (epoch BETWEEN :next AND :latest)")
        );
    }
}

#[test]
fn the_expressions_use_exactly_the_values_that_are_defined() {
    // DynamoDB refuses a value that no expression mentions as it does one that is missing.
    for transaction_type in ["credit", "debit"] {
        for records in [
            vec![(1.0, transaction_type)],
            vec![(1000.0, transaction_type)],
            vec![(1.0, transaction_type), (1.0, "credit")],
        ] {
            let update = update_of(&records, 100.0);
            let expressions =
                [update.update_expression(), update.condition_expression().unwrap()].join(" ");
            let used: BTreeSet<&str> = expressions
                .split([' ', ',', '(', ')'])
                .filter(|word| word.starts_with(':'))
                .collect();
            let defined = update.expression_attribute_values().unwrap();
            assert_eq!(used, defined.keys().map(String::as_str).collect());
        }
    }
}

#[test]
fn the_balance_tells_what_it_was_when_it_is_refused() {
    for transaction_type in ["credit", "debit"] {
        assert_eq!(
            update(50.0, transaction_type, 100.0).return_values_on_condition_check_failure(),
            Some(&ReturnValuesOnConditionCheckFailure::AllOld)
        );
    }
}

#[test]
fn several_records_come_in_order_and_the_balance_last() {
    let request = write(&[(1.0, "credit"), (2.0, "debit"), (3.0, "credit")]);
    let actions = request.actions(&options(100.0));
    assert_eq!(actions.len(), 4);
    for (action, record) in actions.iter().zip(&request.records) {
        assert_eq!(action.put().unwrap(), &put(record));
    }
    assert!(actions[3].update().is_some());
}

#[test]
fn several_records_move_the_balance_by_their_sum() {
    for (records, expression, amount) in [
        (vec![(0.1, "credit"), (0.2, "credit")], "+ :amount", "0.3"),
        (vec![(5.0, "credit"), (7.5, "debit")], "- :amount", "2.5"),
        (vec![(7.5, "credit"), (5.0, "debit"), (1.0, "debit")], "+ :amount", "1.5"),
        (vec![(5.0, "debit"), (5.0, "credit")], "+ :amount", "0"),
    ] {
        let update = update_of(&records, 100.0);
        assert!(update.update_expression().contains(expression), "{records:?}");
        let values = update.expression_attribute_values().unwrap();
        assert_eq!(values[":amount"], plain_number(amount), "{records:?}");
    }
}

#[test]
fn several_records_with_a_debit_need_the_balance_to_cover_their_sum() {
    for (records, condition, floor) in [
        (
            vec![(500.0, "credit"), (600.0, "debit")],
            "(attribute_not_exists(balance) OR balance >= :floor)",
            "100",
        ),
        (vec![(500.0, "credit"), (600.01, "debit")], "(balance >= :floor)", "100.01"),
        (
            // A balance below zero may not cover the debit, whatever it is credited with.
            vec![(10.0, "credit"), (8.0, "debit")],
            "(attribute_not_exists(balance) OR balance >= :floor)",
            "-2",
        ),
    ] {
        let update = update_of(&records, 100.0);
        let expected = format!("{condition} AND NOT (epoch BETWEEN :next AND :latest)");
        assert_eq!(update.condition_expression(), Some(expected.as_str()), "{records:?}");
        let values = update.expression_attribute_values().unwrap();
        assert_eq!(values[":floor"], plain_number(floor), "{records:?}");
    }
}

#[test]
fn credits_alone_need_no_more_than_a_balance_that_is_a_number() {
    let update = update_of(&[(10.0, "credit"), (8.0, "credit")], 100.0);
    assert_eq!(
        update.condition_expression(),
        Some(
            "(attribute_not_exists(balance) OR attribute_type(balance, :number)) AND NOT \
             (epoch BETWEEN :next AND :latest)"
        )
    );
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
        records: vec![RecordState::Taken(ExistingRecord::default())],
        balance: Some(RefusedBalance { balance: StoredBalance::Absent, epoch: None }),
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
        records: vec![
            RecordState::Free,
            RecordState::Taken(ExistingRecord::default()),
            RecordState::Unclear,
            RecordState::Free,
        ],
        balance: Some(RefusedBalance {
            balance: StoredBalance::Number(Decimal::parse("3").unwrap()),
            epoch: None,
        }),
    };
    assert_eq!(answer, Ok(WriteAnswer::Refused(refusal)));
}

#[test]
fn a_refused_balance_counts_for_the_records_in_the_clear() {
    let answer =
        read_reasons(&[reason("TransactionConflict"), reason("None"), condition_failed(None)]);
    let Ok(WriteAnswer::Refused(refusal)) = answer else { panic!("no answer: {answer:?}") };
    assert_eq!(refusal.records, [RecordState::Unclear, RecordState::Free]);
    assert!(refusal.balance.is_some());
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
        assert_eq!(refusal.balance.unwrap().epoch, expected, "{stored:?}");
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
    for reasons in [vec![], vec![reason("None")], vec![reason("None"); 3]] {
        let answer = read_epoch_reasons(&reasons);
        assert!(matches!(answer, Err(Fault::Rejected(_))), "{reasons:?}");
    }
}

fn is_contended_epoch(outcome: &Result<EpochAnswer, Fault>) -> bool {
    matches!(outcome, Err(Fault::Contended(_)))
}

#[test]
fn looking_for_a_record_writes_nothing() {
    let action = absent_record(&record(50.0, "credit"), &options(100.0));
    assert!(action.put().is_none() && action.update().is_none() && action.delete().is_none());
    let check = action.condition_check().unwrap();
    assert_eq!(check.table_name(), "Movements");
    assert_eq!(check.key(), &item([("idempotentKey", text("key-1"))]));
    assert_eq!(check.condition_expression(), "attribute_not_exists(idempotentKey)");
    assert_eq!(
        check.return_values_on_condition_check_failure(),
        Some(&ReturnValuesOnConditionCheckFailure::AllOld)
    );
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
    for reasons in [
        vec![],
        vec![condition_failed(None)],
        vec![reason("None"), reason("None")],
        vec![reason("None"), reason("ValidationError"), reason("None")],
    ] {
        let outcome = read_reasons(&reasons);
        assert!(is_rejected(&outcome), "{outcome:?}");
    }
    assert!(is_contended(&read_reasons(&[reason("TransactionConflict")])));
}

// On the wire.

const CANCELLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}"#;

/// The tokens and the bodies of attempts at one request that are answered like this.
async fn attempts(answers: Vec<(u16, &'static str)>) -> Vec<(String, String)> {
    let count = answers.len();
    let (endpoint, arrived) = server(answers);
    let database = database(&endpoint);
    let mut request = write(&[(1.0, "credit"), (2.0, "debit")]);
    for _ in 0..count {
        // What it comes to is another test's business.
        drop(crate::store::Store::write(&database, &mut request, &attempt()).await);
    }
    let token = |body: &str| -> String {
        let token = body.split("\"ClientRequestToken\":\"").nth(1).unwrap();
        token.split('"').next().unwrap().to_owned()
    };
    arrived.iter().take(count).map(|it| (token(&it.body), it.body)).collect()
}

#[tokio::test]
async fn a_token_fills_36_characters() {
    let attempts = attempts(vec![(200, "{}")]).await;
    assert_eq!(attempts[0].0.len(), 36);
}

#[tokio::test]
async fn while_it_is_unanswered_a_request_keeps_its_bytes() {
    let oops = r#"{"__type":"InternalServerError"}"#;
    let attempts = attempts(vec![(500, oops), (200, ""), (502, "<html>"), (200, "{}")]).await;
    assert_eq!(attempts.len(), 4);
    assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
}

#[tokio::test]
async fn after_a_cancellation_a_request_has_a_new_token_and_is_otherwise_the_same() {
    let attempts = attempts(vec![(400, CANCELLED), (200, "{}")]).await;
    let [(first_token, first), (second_token, second)] = attempts.as_slice() else {
        panic!("two attempts: {attempts:?}");
    };
    assert_ne!(first_token, second_token);
    // The attributes of an item have no order of their own.
    let parts = |body: &str, token: &str| {
        let body = body.replace(token, "token");
        let mut parts: Vec<String> = body.split(['{', '}', ',']).map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    assert_eq!(parts(first, first_token), parts(second, second_token));
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
                prop_assert_eq!(refusal.records.len() + 1, reasons.len());
                for (state, reason) in refusal.records.iter().zip(&reasons) {
                    match state {
                        RecordState::Taken(_) => prop_assert!(is_condition_failure(reason)),
                        RecordState::Free => prop_assert!(is_in_the_clear(reason)),
                        RecordState::Unclear => {
                            prop_assert!(!is_condition_failure(reason) && !is_in_the_clear(reason));
                        }
                    }
                }
                let has_refused = is_condition_failure(reasons.last().unwrap());
                prop_assert_eq!(refusal.balance.is_some(), has_refused);
                let is_taken = |state: &RecordState| matches!(state, RecordState::Taken(_));
                let has_free = refusal.records.contains(&RecordState::Free);
                prop_assert!(
                    refusal.records.iter().any(is_taken) || (has_free && has_refused),
                    "nobody was refused"
                );
            }
            Err(fault) => prop_assert!(!matches!(fault, Fault::Unanswered(_))),
        }
    }
}
