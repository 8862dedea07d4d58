use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::super::tests::{options, record};
use super::*;
use crate::store::ExistingRecord;

fn request(amount: f64, transaction_type: &str) -> WriteRequest {
    WriteRequest::new(CallId::unique(), &[Arc::new(record(amount, transaction_type))])
}

/// A fence against `request` beside those that stand.
fn fence(request: &WriteRequest, standing: &[CallId]) -> Update {
    let fences: Vec<CallId> = standing.iter().copied().chain([request.request_id]).collect();
    raise(request, standing, &fences, &options(100.0))
}

fn values(update: &Update) -> &HashMap<String, AttributeValue> {
    update.expression_attribute_values().unwrap()
}

fn reason(code: &str) -> CancellationReason {
    CancellationReason::builder().code(code).build()
}

fn condition_failed(name: &str, value: AttributeValue) -> CancellationReason {
    let item = HashMap::from([(name.to_owned(), value)]);
    CancellationReason::builder().code("ConditionalCheckFailed").set_item(Some(item)).build()
}

#[test]
fn a_fence_leaves_the_balance_as_it_is() {
    let request = request(101.0, "debit");
    let update = fence(&request, &[]);
    assert_eq!(update.table_name(), "Balances");
    let key = HashMap::from([("userId".to_owned(), AttributeValue::S("user-1".to_owned()))]);
    assert_eq!(update.key(), &key);
    assert_eq!(update.update_expression(), "SET fencedCalls = :fences");
    let fences = AttributeValue::Ss(vec![request.request_id.to_string()]);
    assert_eq!(values(&update)[":fences"], fences);
}

#[test]
fn the_first_fence_needs_a_balance_without_fences() {
    let update = fence(&request(101.0, "debit"), &[]);
    assert_eq!(update.condition_expression(), Some("attribute_not_exists(fencedCalls)"));
}

#[test]
fn a_fence_tears_down_none_that_it_does_not_know() {
    let standing = [CallId::unique(), CallId::unique()];
    let request = request(101.0, "debit");
    let update = fence(&request, &standing);
    assert_eq!(update.condition_expression(), Some("fencedCalls = :standing"));
    let names = standing.map(|call_id| call_id.to_string());
    assert_eq!(values(&update)[":standing"], AttributeValue::Ss(names.to_vec()));
    let all = [&names[0], &names[1], &request.request_id.to_string()].map(Clone::clone);
    assert_eq!(values(&update)[":fences"], AttributeValue::Ss(all.to_vec()));
}

#[test]
fn a_fence_that_does_not_go_up_tells_which_ones_stand() {
    let update = fence(&request(101.0, "debit"), &[]);
    let told = update.return_values_on_condition_check_failure().unwrap();
    assert_eq!(told.as_str(), "ALL_OLD");
}

#[test]
fn the_expressions_use_exactly_the_values_that_are_defined() {
    for transaction_type in ["credit", "debit"] {
        for standing in [vec![], vec![CallId::unique()]] {
            let update = fence(&request(1.0, transaction_type), &standing);
            let expressions =
                [update.update_expression(), update.condition_expression().unwrap()].join(" ");
            let used: BTreeSet<&str> = expressions
                .split([' ', ',', '(', ')'])
                .filter(|word| word.starts_with(':'))
                .collect();
            assert_eq!(used, values(&update).keys().map(String::as_str).collect());
        }
    }
}

#[test]
fn a_record_that_is_there_is_a_taken_key() {
    let call_id = AttributeValue::S("call-1".to_owned());
    for balance in [reason("None"), reason("TransactionConflict"), reason("ConditionalCheckFailed")]
    {
        let answer = read_reasons(&[condition_failed("callId", call_id.clone()), balance]);
        let existing =
            ExistingRecord { call_id: Some("call-1".to_owned()), ..ExistingRecord::default() };
        assert_eq!(answer, Ok(FenceAnswer::KeyTaken(existing)));
    }
}

#[test]
fn a_balance_with_other_fences_is_told_with_them() {
    let standing = CallId::unique();
    let fences = AttributeValue::Ss(vec![standing.to_string()]);
    let answer = read_reasons(&[reason("None"), condition_failed("fencedCalls", fences)]);
    assert_eq!(answer, Ok(FenceAnswer::Outdated(vec![standing])));
}

#[test]
fn a_balance_whose_fences_are_gone_is_told_so() {
    let balance = condition_failed("balance", AttributeValue::N("1".to_owned()));
    let answer = read_reasons(&[reason("None"), balance]);
    assert_eq!(answer, Ok(FenceAnswer::Outdated(Vec::new())));
}

#[test]
fn anything_else_is_no_answer() {
    let contended = read_reasons(&[reason("None"), reason("TransactionConflict")]);
    assert!(matches!(contended, Err(Fault::Contended(_))), "{contended:?}");
    let throttled = read_reasons(&[reason("ThrottlingError"), reason("None")]);
    assert!(matches!(throttled, Err(Fault::Throttled(_))), "{throttled:?}");
    for reasons in [vec![], vec![reason("ConditionalCheckFailed")], vec![reason("None"); 3]] {
        assert!(matches!(read_reasons(&reasons), Err(Fault::Rejected(_))), "{reasons:?}");
    }
}
