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

/// The sum and the floor of transactions.
fn change(transactions: &[(f64, &str)]) -> (String, Option<String>) {
    let transactions: Vec<Transaction> =
        transactions.iter().map(|(amount, kind)| transaction(*amount, kind)).collect();
    let change = BalanceChange::of(&transactions);
    (change.sum().to_plain_string(), change.floor().map(Decimal::to_plain_string))
}

fn is(sum: &str, floor: Option<&str>) -> (String, Option<String>) {
    (sum.to_owned(), floor.map(str::to_owned))
}

#[test]
fn nothing_changes_nothing_and_asks_for_nothing() {
    assert_eq!(change(&[]), is("0", None));
}

#[test]
fn a_credit_asks_for_nothing_and_a_debit_for_its_amount() {
    assert_eq!(change(&[(50.25, "credit")]), is("50.25", None));
    assert_eq!(change(&[(50.25, "debit")]), is("-50.25", Some("50.25")));
}

#[test]
fn a_debit_after_a_larger_credit_asks_for_less_than_nothing() {
    assert_eq!(change(&[(10.0, "credit"), (8.0, "debit")]), is("2", Some("-2")));
}

#[test]
fn a_debit_before_a_larger_credit_asks_for_its_amount() {
    assert_eq!(change(&[(8.0, "debit"), (10.0, "credit")]), is("2", Some("8")));
}

#[test]
fn the_debit_that_asks_for_most_counts() {
    let all = [(5.0, "debit"), (20.0, "credit"), (3.0, "debit"), (9.0, "debit")];
    assert_eq!(change(&all), is("3", Some("5")));
}

#[test]
fn the_sum_is_exact_over_all_magnitudes() {
    let all = [(1e125, "credit"), (1e-130, "credit"), (1e125, "debit")];
    let (sum, _) = change(&all);
    assert_eq!(Decimal::parse(&sum), Decimal::parse("1e-130"));
}

#[test]
fn what_has_more_than_38_digits_cannot_be_stored() {
    let wide = BalanceChange::of(&[transaction(1e38, "credit"), transaction(1.0, "credit")]);
    assert!(!wide.is_storable());
    let back = [transaction(1e38, "debit"), transaction(1.0, "debit"), transaction(1.0, "credit")];
    assert!(!BalanceChange::of(&back).is_storable(), "its floor has 39 digits");
    assert!(BalanceChange::of(&[transaction(1e38, "credit")]).is_storable());
}

proptest! {
    /// Cents, so that the naive program is one of whole numbers.
    #[test]
    fn a_balance_covers_each_debit_at_its_place_if_it_is_at_least_the_floor(
        balance in -1_000_i64..100_000,
        cents in prop::collection::vec((1_u32..20_000, any::<bool>()), 0..40),
    ) {
        let transactions: Vec<Transaction> = cents
            .iter()
            .map(|(amount, is_credit)| {
                let kind = if *is_credit { "credit" } else { "debit" };
                transaction(f64::from(*amount) / 100.0, kind)
            })
            .collect();
        let change = BalanceChange::of(&transactions);
        let (mut left, mut is_covered) = (balance, true);
        for (amount, is_credit) in &cents {
            let amount = i64::from(*amount);
            is_covered &= *is_credit || amount <= left;
            left += if *is_credit { amount } else { -amount };
        }
        let stored = Decimal::parse(&format!("{balance}e-2")).unwrap();
        prop_assert_eq!(change.floor().is_none_or(|floor| stored >= *floor), is_covered);
        let expected = Decimal::parse(&format!("{left}e-2")).unwrap();
        prop_assert_eq!(stored.plus(change.sum()).to_plain_string(), expected.to_plain_string());
    }
}
