use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::*;
use crate::credentials::CredentialsSource;
use crate::money::{DefaultBalance, StoredBalance};
use crate::options::Deadlines;
use crate::transaction::Transaction;
use crate::value::Value;

fn options() -> Options {
    let deadline = Duration::from_secs(1);
    Options {
        region: None,
        endpoint: None,
        profile: None,
        credentials: CredentialsSource::AwsChain,
        balances_table: "Balances".to_owned(),
        transactions_table: "Movements".to_owned(),
        default_balance: DefaultBalance::default(),
        consistent_read: true,
        deadlines: Deadlines { connect: deadline, attempt: deadline, call: deadline },
    }
}

fn record(amount: f64, transaction_type: &str) -> Record {
    let text = |text: &str| Value::Text(text.to_owned());
    Record {
        transaction: Transaction::validate(
            text("key-1"),
            text("user-1"),
            &Value::Number(amount),
            &text(transaction_type),
        )
        .unwrap(),
        timestamp: "2024-05-06T07:08:09.010Z".to_owned(),
        call_id: CallId::unique(),
    }
}

fn refused(fences: Vec<CallId>) -> RefusedBalance {
    RefusedBalance { balance: StoredBalance::Absent, fences }
}

/// A fence for `record` beside those that stand.
fn fence(record: &Record, standing: &[CallId]) -> Update {
    let fences: Vec<CallId> = standing.iter().copied().chain([record.call_id]).collect();
    raise(record, &refused(standing.to_vec()), &fences, &options())
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
