use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn amount_error(value: &Value) -> (ErrorCode, String) {
    let error = Amount::validate(value).unwrap_err();
    (error.code, error.message)
}

fn default_balance_error(number: f64) -> String {
    DefaultBalance::validate(&Value::Number(number)).unwrap_err()
}

/// Every finite double, the denormal ones and both zeros among them.
fn any_finite_number() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite())
}

/// Doubles as they occur in prices: a whole number of units and a few decimals.
fn any_price() -> impl Strategy<Value = f64> {
    (0_u64..1_000_000_000_000, 0_u32..10)
        .prop_map(|(units, decimals)| format!("{units}e-{decimals}").parse().unwrap())
}

/// Doubles within DynamoDB's range, spread evenly over its magnitudes.
fn any_storable_number() -> impl Strategy<Value = f64> {
    (1_u64..100_000_000_000_000_000, -130_i32..=109)
        .prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().unwrap())
}

/// As `node -p` prints them: halfway between two decimals of one digit less.
#[test]
fn of_two_decimals_that_are_as_short_and_as_near_the_even_one_is_meant() {
    let halfway = [
        ("1294651693311856.25", "1294651693311856.2"),
        ("1294651693311856.75", "1294651693311856.8"),
        ("-1294651693311857.25", "-1294651693311857.2"),
        ("9007199254740993", "9007199254740992"),
    ];
    for (number, printed) in halfway {
        let number: f64 = number.parse().unwrap();
        assert_eq!(Decimal::from_number(number), Some(decimal(printed)), "{printed}");
    }
}

proptest! {
    #[test]
    fn a_number_reads_back_as_itself(number in any_finite_number()) {
        let back = Decimal::from_number(number).unwrap().to_number();
        // Adding 0 makes -0 and 0 one, as they are one balance.
        prop_assert_eq!(back.to_bits(), (number + 0.0).to_bits());
    }

    #[test]
    fn a_price_reads_back_as_itself(price in any_price()) {
        let back = Decimal::from_number(price).unwrap().to_number();
        prop_assert_eq!(back.to_bits(), price.to_bits());
    }

    #[test]
    fn no_shorter_decimal_reads_back_as_the_same_number(number in any_finite_number()) {
        let digits = Decimal::from_number(number).unwrap().normalized().digits_reckoned_with();
        prop_assert!(digits <= 17);
        if let Ok(fewer_decimals) = usize::try_from(digits.saturating_sub(2)) && digits >= 2 {
            let nearest_shorter: f64 = format!("{number:.fewer_decimals$e}").parse().unwrap();
            prop_assert_ne!(nearest_shorter.to_bits(), number.to_bits());
        }
    }

    #[test]
    fn the_written_decimal_is_the_same_decimal(number in any_finite_number()) {
        let exact = Decimal::from_number(number).unwrap();
        prop_assert_eq!(Decimal::parse(&exact.to_string()), Some(exact));
    }

    #[test]
    fn what_is_written_is_a_number_to_dynamodb(number in any_storable_number()) {
        let written = Decimal::from_number(number).unwrap().to_string();
        let is_allowed = |letter: char| letter.is_ascii_digit() || ".-+eE".contains(letter);
        prop_assert!(written.chars().all(is_allowed), "{}", written);
        let mantissa = written.split(['e', 'E']).next().unwrap();
        prop_assert!(mantissa.chars().filter(char::is_ascii_digit).count() <= 38, "{}", written);
    }

    #[test]
    fn every_storable_number_is_an_amount(number in any_storable_number()) {
        let amount = Amount::validate(&Value::Number(number)).unwrap();
        prop_assert_eq!(amount.as_decimal().to_number().to_bits(), number.to_bits());
    }

    #[test]
    fn an_amount_beyond_the_largest_is_refused(number in 1.0e126_f64..=f64::MAX) {
        prop_assert_eq!(amount_error(&Value::Number(number)).0, ErrorCode::AmountOutOfRange);
    }

    #[test]
    fn an_amount_below_the_smallest_is_refused(bits in 1..1.0e-130_f64.to_bits()) {
        let number = f64::from_bits(bits);
        prop_assert_eq!(amount_error(&Value::Number(number)).0, ErrorCode::AmountOutOfRange);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in ".{0,50}") {
        let _ = Decimal::parse(&text);
    }

    #[test]
    fn no_number_like_text_makes_parsing_or_writing_panic(text in "[-+]?[0-9.]{0,45}([eE][-+]?[0-9]{0,3})?") {
        if let Some(parsed) = Decimal::parse(&text) {
            prop_assert_eq!(Decimal::parse(&parsed.to_string()), Some(parsed));
        }
    }

    #[test]
    fn the_order_of_decimals_is_the_order_of_numbers(
        left in any_finite_number(),
        right in any_finite_number(),
    ) {
        let exact_order = Decimal::from_number(left).cmp(&Decimal::from_number(right));
        prop_assert_eq!(Some(exact_order), left.partial_cmp(&right));
    }
}

#[test]
fn a_tenth_is_a_tenth() {
    assert_eq!(Decimal::from_number(0.1).unwrap().to_string(), "0.1");
}

#[test]
fn a_sum_in_binary_keeps_the_digits_that_javascript_shows() {
    assert_eq!(Decimal::from_number(0.1 + 0.2).unwrap().to_string(), "0.30000000000000004");
}

#[test]
fn ordinary_numbers_are_written_plainly() {
    for (number, written) in
        [(100.0, "100"), (50.25, "50.25"), (-7.5, "-7.5"), (0.0, "0"), (-0.0, "0")]
    {
        assert_eq!(Decimal::from_number(number).unwrap().to_string(), written);
    }
}

#[test]
fn numbers_that_are_not_finite_are_no_decimals() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Decimal::from_number(number), None);
    }
}

#[test]
fn equal_decimals_are_equal_however_they_are_written() {
    for written in ["50", "50.0", "5E1", "5e+1", "0.5E2", "050", "500e-1"] {
        assert_eq!(decimal(written), decimal("50"), "{written}");
    }
}

#[test]
fn text_that_is_no_number_is_no_decimal() {
    for text in ["", " ", "NaN", "Infinity", "0x10", "1,5", "12abc", "--1"] {
        assert_eq!(Decimal::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_decimal_of_38_digits_is_kept_whole() {
    let digits = "9.9999999999999999999999999999999999999";
    assert_eq!(decimal(digits).to_string(), digits);
}

#[test]
fn a_decimal_of_38_digits_becomes_the_nearest_number() {
    let nearest = decimal("0.10000000000000000000000000000000000001").to_number();
    assert_eq!(nearest.to_bits(), 0.1_f64.to_bits());
}

#[test]
fn the_largest_magnitude_of_dynamodb_is_storable() {
    assert!(decimal("9.9999999999999999999999999999999999999E+125").has_storable_magnitude());
    assert!(decimal("-9.9999999999999999999999999999999999999E+125").has_storable_magnitude());
    assert!(!decimal("1E+126").has_storable_magnitude());
}

#[test]
fn the_smallest_magnitude_of_dynamodb_is_storable() {
    assert!(decimal("1E-130").has_storable_magnitude());
    assert!(decimal("-1E-130").has_storable_magnitude());
    assert!(!decimal("9.9E-131").has_storable_magnitude());
    assert!(!decimal("1E-131").has_storable_magnitude());
}

#[test]
fn zero_is_storable() {
    assert!(decimal("0").has_storable_magnitude());
    assert!(decimal("0.000").has_storable_magnitude());
}

#[test]
fn an_amount_is_the_exact_decimal() {
    assert_eq!(Amount::validate(&Value::Number(0.1)).unwrap().as_decimal(), &decimal("0.1"));
}

#[test]
fn the_ends_of_the_range_are_amounts() {
    let largest = f64::from_bits(1e126_f64.to_bits() - 1);
    for number in [1e-130, largest] {
        assert!(Amount::validate(&Value::Number(number)).is_ok(), "{number:e}");
    }
}

#[test]
fn an_amount_must_be_greater_than_0() {
    let expected = (ErrorCode::InvalidAmount, "Amount must be greater than 0".to_owned());
    for number in [0.0, -0.0, -0.01, -50.0, f64::MIN, -f64::MIN_POSITIVE, f64::NEG_INFINITY] {
        assert_eq!(amount_error(&Value::Number(number)), expected, "{number:e}");
    }
    assert_eq!(amount_error(&Value::Null), expected);
}

#[test]
fn an_amount_must_be_a_number() {
    for (value, kind) in [
        (Value::Undefined, "undefined"),
        (Value::Boolean(true), "a boolean"),
        (Value::Boolean(false), "a boolean"),
        (Value::Text("50".to_owned()), "a string"),
        (Value::Text(String::new()), "a string"),
        (Value::MalformedText, "a string"),
        (Value::Other("an object"), "an object"),
    ] {
        let expected = (ErrorCode::InvalidAmount, format!("Amount must be a number, not {kind}"));
        assert_eq!(amount_error(&value), expected);
    }
}

#[test]
fn an_amount_must_be_finite() {
    for (number, spelling) in [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity")] {
        let message = format!("Amount must be a finite number, not {spelling}");
        assert_eq!(amount_error(&Value::Number(number)), (ErrorCode::InvalidAmount, message));
    }
}

#[test]
fn an_amount_out_of_range_is_told_the_range() {
    for (number, spelling) in [(1e126, "1e+126"), (9.9e-131, "9.9e-131")] {
        let message = format!(
            "Amount must be between 1e-130 and 9.9999999999999999999999999999999999999e+125, the \
             range of a DynamoDB number, not {spelling}"
        );
        assert_eq!(amount_error(&Value::Number(number)), (ErrorCode::AmountOutOfRange, message));
    }
}

#[test]
fn the_default_balance_is_100_unless_said_otherwise() {
    assert_eq!(DefaultBalance::default().as_decimal(), &decimal("100"));
}

#[test]
fn the_default_balance_may_be_0() {
    for zero in [0.0, -0.0] {
        let accepted = DefaultBalance::validate(&Value::Number(zero)).unwrap();
        assert_eq!(accepted.as_decimal(), &decimal("0"));
    }
}

#[test]
fn the_default_balance_may_be_any_storable_number_above_0() {
    for number in [1e-130, 0.1, 250.0, 9.9e125] {
        let accepted = DefaultBalance::validate(&Value::Number(number)).unwrap();
        assert_eq!(accepted.as_decimal().to_number().to_bits(), number.to_bits());
    }
}

#[test]
fn the_default_balance_is_not_negative() {
    assert_eq!(default_balance_error(-1.5), "must be 0 or greater, not -1.5");
}

#[test]
fn the_default_balance_is_finite() {
    for (number, spelling) in
        [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
    {
        let message = format!("must be a finite number, not {spelling}");
        assert_eq!(default_balance_error(number), message);
    }
}

#[test]
fn the_default_balance_is_within_the_range_of_dynamodb() {
    for (number, spelling) in [(1e126, "1e+126"), (9e-131, "9e-131")] {
        let message = format!(
            "must be 0 or between 1e-130 and 9.9999999999999999999999999999999999999e+125, not \
             {spelling}"
        );
        assert_eq!(default_balance_error(number), message);
    }
}

#[test]
fn the_default_balance_is_a_number() {
    for (value, kind) in [
        (Value::Undefined, "undefined"),
        (Value::Null, "null"),
        (Value::Boolean(true), "a boolean"),
        (Value::Text("100".to_owned()), "a string"),
        (Value::MalformedText, "a string"),
        (Value::Other("a function"), "a function"),
    ] {
        let message = format!("must be a number, not {kind}");
        assert_eq!(DefaultBalance::validate(&value), Err(message));
    }
}

#[test]
fn sums_and_differences_are_exact() {
    for (left, right, sum, difference) in [
        ("0.1", "0.2", "0.3", "-0.1"),
        ("100", "0.01", "100.01", "99.99"),
        (
            "1e30",
            "1e-30",
            "1000000000000000000000000000000.000000000000000000000000000001",
            "999999999999999999999999999999.999999999999999999999999999999",
        ),
        ("-5", "5", "0", "-10"),
        ("0", "0", "0", "0"),
    ] {
        let (left, right) = (decimal(left), decimal(right));
        assert_eq!(left.plus(&right), decimal(sum));
        assert_eq!(left.minus(&right), decimal(difference));
    }
}

#[test]
fn a_number_of_38_digits_within_the_range_is_storable() {
    for number in [
        "0",
        "-0",
        "1e-130",
        "-1e-130",
        "12345678901234567890123456789012345678",
        "0.12345678901234567890123456789012345678",
        "9.9999999999999999999999999999999999999e+125",
        "-9.9999999999999999999999999999999999999e+125",
        // Its zeros are no digits.
        "1000000000000000000000000000000000000000000000000",
    ] {
        assert!(decimal(number).is_storable(), "{number}");
    }
}

#[test]
fn a_number_of_more_digits_or_beyond_the_range_is_not_storable() {
    for number in [
        "123456789012345678901234567890123456789",
        "1.23456789012345678901234567890123456789e-100",
        "1e126",
        "-1e126",
        "9.9e-131",
    ] {
        assert!(!decimal(number).is_storable(), "{number}");
    }
}

#[test]
fn a_sum_of_storable_numbers_may_have_too_many_digits() {
    let sum = decimal("1e30").plus(&decimal("1e-30"));
    assert!(!sum.is_storable());
    assert!(sum.minus(&decimal("1e-30")).is_storable());
}

proptest! {
    #[test]
    fn what_was_added_can_be_taken_away_again(
        left in any_storable_number(),
        right in any_storable_number(),
    ) {
        let left = Decimal::from_number(left).unwrap();
        let right = Decimal::from_number(right).unwrap();
        prop_assert_eq!(left.plus(&right).minus(&right), left.clone());
        prop_assert_eq!(left.plus(&right), right.plus(&left));
        prop_assert_eq!(left.minus(&left), Decimal::default());
    }
}

#[test]
fn an_exponent_of_any_size_is_no_number_of_dynamodb_and_costs_nothing() {
    for text in ["1e9223372036854775807", "1000e9223372036854775807", "1e-9223372036854775808"] {
        assert_eq!(Decimal::parse(text), None, "{text}");
    }
}
