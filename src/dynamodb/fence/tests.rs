use std::collections::{BTreeSet, HashMap};

use super::super::tests::{options, record};
use super::*;
use crate::money::StoredBalance;

fn refused(fences: Vec<CallId>) -> RefusedBalance {
    RefusedBalance { balance: StoredBalance::Absent, fences }
}

/// A fence for `record` beside those that stand.
fn fence(record: &Record, standing: &[CallId]) -> Update {
    let fences: Vec<CallId> = standing.iter().copied().chain([record.call_id]).collect();
    raise(record, &refused(standing.to_vec()), &fences, &options(100.0))
}

fn values(update: &Update) -> &HashMap<String, AttributeValue> {
    update.expression_attribute_values().unwrap()
}

#[test]
fn a_fence_leaves_the_balance_as_it_is() {
    let record = record(101.0, "debit");
    let update = fence(&record, &[]);
    assert_eq!(update.table_name(), "Balances");
    let key = HashMap::from([("userId".to_owned(), AttributeValue::S("user-1".to_owned()))]);
    assert_eq!(update.key(), &key);
    assert_eq!(update.update_expression(), "SET fencedCalls = :fences");
    assert_eq!(values(&update)[":fences"], AttributeValue::Ss(vec![record.call_id.to_string()]));
}

#[test]
fn a_fence_stands_only_where_the_balance_still_refuses() {
    for (amount, transaction_type, refusing) in [
        (101.0, "debit", "NOT (balance >= :amount)"),
        (100.0, "debit", "NOT (attribute_not_exists(balance) OR balance >= :amount)"),
        (1.0, "credit", "NOT (attribute_not_exists(balance) OR attribute_type(balance, :number))"),
    ] {
        let update = fence(&record(amount, transaction_type), &[]);
        let condition = update.condition_expression().unwrap();
        assert_eq!(condition, format!("{refusing} AND attribute_not_exists(fencedCalls)"));
    }
}

#[test]
fn a_fence_tears_down_none_that_it_does_not_know() {
    let standing = [CallId::unique(), CallId::unique()];
    let record = record(101.0, "debit");
    let update = fence(&record, &standing);
    assert_eq!(
        update.condition_expression(),
        Some("NOT (balance >= :amount) AND fencedCalls = :standing")
    );
    let names = standing.map(|call_id| call_id.to_string());
    assert_eq!(values(&update)[":standing"], AttributeValue::Ss(names.to_vec()));
    let all = [&names[0], &names[1], &record.call_id.to_string()].map(Clone::clone);
    assert_eq!(values(&update)[":fences"], AttributeValue::Ss(all.to_vec()));
}

#[test]
fn the_expressions_use_exactly_the_values_that_are_defined() {
    for transaction_type in ["credit", "debit"] {
        for standing in [vec![], vec![CallId::unique()]] {
            let update = fence(&record(1.0, transaction_type), &standing);
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
