use proptest::prelude::*;

use super::*;
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn transaction(amount: f64, transaction_type: &str) -> Transaction {
    let (key, user_id) = (text("key-1"), text("user-1"));
    Transaction::validate(key, user_id, &Value::Number(amount), &text(transaction_type)).unwrap()
}

fn net(transactions: &[(f64, &str)]) -> Net {
    let transactions: Vec<Transaction> =
        transactions.iter().map(|(amount, kind)| transaction(*amount, kind)).collect();
    BalanceChange::of(&transactions).net()
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

#[test]
fn nothing_moves_nothing() {
    assert_eq!(BalanceChange::default().net(), Net::Credit(decimal("0")));
}

#[test]
fn one_transaction_moves_its_amount() {
    assert_eq!(net(&[(50.25, "credit")]), Net::Credit(decimal("50.25")));
    assert_eq!(net(&[(50.25, "debit")]), Net::Debit(decimal("50.25")));
}

#[test]
fn credits_and_debits_are_set_off() {
    assert_eq!(net(&[(50.0, "credit"), (80.0, "debit")]), Net::Debit(decimal("30")));
    assert_eq!(net(&[(50.0, "debit"), (80.0, "credit")]), Net::Credit(decimal("30")));
}

#[test]
fn what_balances_out_needs_no_coverage() {
    assert_eq!(net(&[(0.3, "debit"), (0.1, "credit"), (0.2, "credit")]), Net::Credit(decimal("0")));
}

#[test]
fn the_sum_is_exact_over_all_magnitudes() {
    let all = [(1e125, "credit"), (1e-130, "credit"), (1e125, "debit")];
    assert_eq!(net(&all), Net::Credit(decimal("1e-130")));
}

#[test]
fn either_way_it_has_an_amount() {
    for net in [Net::Credit(decimal("7")), Net::Debit(decimal("7"))] {
        assert_eq!(net.as_decimal(), &decimal("7"));
    }
}

/// Cents, so that the naive sum is one of whole numbers.
fn any_cents() -> impl Strategy<Value = Vec<(u32, bool)>> {
    prop::collection::vec((1_u32..1_000_000_000, any::<bool>()), 0..120)
}

proptest! {
    #[test]
    fn a_movement_is_the_naive_sum(cents in any_cents()) {
        let transactions: Vec<Transaction> = cents
            .iter()
            .map(|(amount, is_credit)| {
                let kind = if *is_credit { "credit" } else { "debit" };
                transaction(f64::from(*amount) / 100.0, kind)
            })
            .collect();
        let sum: i64 = cents
            .iter()
            .map(|(amount, is_credit)| i64::from(*amount) * if *is_credit { 1 } else { -1 })
            .sum();
        let amount = decimal(&format!("{}e-2", sum.abs()));
        let expected = if sum < 0 { Net::Debit(amount) } else { Net::Credit(amount) };
        prop_assert_eq!(BalanceChange::of(&transactions).net(), expected);
    }

    #[test]
    fn adding_one_by_one_is_the_same(cents in any_cents()) {
        let transactions: Vec<Transaction> =
            cents.iter().map(|(amount, _)| transaction(f64::from(*amount), "credit")).collect();
        let mut movement = BalanceChange::default();
        for transaction in &transactions {
            movement.add(transaction);
        }
        prop_assert_eq!(movement.net(), BalanceChange::of(&transactions).net());
    }

    #[test]
    fn the_order_does_not_matter(
        amounts in prop::collection::vec((1e-120..1e120_f64, any::<bool>()), 0..20),
    ) {
        let mut transactions: Vec<Transaction> = amounts
            .iter()
            .map(|(amount, is_credit)| {
                transaction(*amount, if *is_credit { "credit" } else { "debit" })
            })
            .collect();
        let forwards = BalanceChange::of(&transactions).net();
        transactions.reverse();
        prop_assert_eq!(BalanceChange::of(&transactions).net(), forwards);
    }
}
