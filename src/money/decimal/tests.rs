//! A decimal that fits 128 bits says the same of itself as bigdecimal does.

use bigdecimal::Zero as _;
use proptest::prelude::*;

use super::*;

/// Texts of decimals around every limit of the short form: few digits and many, points anywhere, exponents.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,6}(\\.[0-9]{1,6})?",
        "-?[0-9]{1,42}(\\.[0-9]{1,42})?",
        "-?0\\.0{0,8}[0-9]{1,20}",
        "-?[1-9]0{0,40}",
        "-?[0-9]{1,40}e-?[0-9]{1,2}",
        "-?17014118346046923173168730371588410572[0-9]{0,2}",
    ]
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn reference(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

fn is_short(decimal: &Decimal) -> bool {
    matches!(decimal.0, Form::Short { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn it_is_the_number_that_was_written(text in any_text()) {
        prop_assert_eq!(decimal(&text).long().into_owned(), reference(&text));
    }

    #[test]
    fn it_is_written_as_bigdecimal_writes_it(text in any_text()) {
        let decimal = decimal(&text);
        prop_assert_eq!(decimal.to_string(), decimal.long().to_string());
        prop_assert_eq!(decimal.to_plain_string(), reference(&text).normalized().to_plain_string());
    }

    #[test]
    fn it_is_the_nearest_number(text in any_text()) {
        // The standard library rounds correctly. Adding 0 makes -0 and 0 one.
        let nearest: f64 = text.parse().unwrap();
        prop_assert_eq!(decimal(&text).to_number().to_bits(), (nearest + 0.0).to_bits());
    }

    #[test]
    fn sums_differences_and_order_are_those_of_bigdecimal(left in any_text(), right in any_text()) {
        let (one, other) = (decimal(&left), decimal(&right));
        let (left, right) = (reference(&left), reference(&right));
        prop_assert_eq!(one.plus(&other).long().into_owned(), &left + &right);
        prop_assert_eq!(one.minus(&other).long().into_owned(), &left - &right);
        prop_assert_eq!(one.negated().long().into_owned(), -&left);
        prop_assert_eq!(one.cmp(&other), left.cmp(&right));
        prop_assert_eq!(one == other, left == right);
    }

    #[test]
    fn what_it_says_of_itself_is_what_bigdecimal_says(left in any_text(), right in any_text()) {
        let sum = decimal(&left).plus(&decimal(&right));
        let long = sum.long().into_owned();
        prop_assert_eq!(sum.digits_reckoned_with(), long.digits());
        prop_assert_eq!(sum.normalized().digits_reckoned_with(), long.normalized().digits());
        prop_assert_eq!(sum.is_zero(), long.is_zero());
        prop_assert_eq!(sum.is_positive(), long.is_positive());
        prop_assert_eq!(sum.is_negative(), long.is_negative());
        prop_assert_eq!(sum.to_string(), long.to_string());
    }
}

#[test]
fn up_to_38_digits_are_short() {
    for text in ["0", "0.1", "-12.50", "99999999999999999999999999999999999999", "1e-130", "9e125"]
    {
        assert!(is_short(&decimal(text)), "{text}");
    }
    assert!(!is_short(&decimal("9999999999999999999999999999999999999999")));
}

#[test]
fn what_outgrows_128_bits_goes_on_exactly_and_comes_back() {
    let largest = Decimal::short(i128::MAX, 0);
    let one = decimal("1");
    for (outside, back) in
        [(largest.plus(&one), largest.clone()), (largest.negated().minus(&one), largest.negated())]
    {
        assert!(!is_short(&outside));
        let returned = if outside.is_positive() { outside.minus(&one) } else { outside.plus(&one) };
        assert!(is_short(&returned));
        assert_eq!(returned, back);
    }
}

#[test]
fn it_takes_32_bytes() {
    assert_eq!(size_of::<Decimal>(), 32);
}
