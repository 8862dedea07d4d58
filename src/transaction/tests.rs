use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A text of `bytes` bytes whose characters take two bytes each, with one of one byte if need be.
fn text_of_bytes(bytes: usize) -> Value {
    Value::Text("é".repeat(bytes / 2) + &"e".repeat(bytes % 2))
}

fn complaint<T: std::fmt::Debug>(outcome: Result<T, BalanceError>) -> (ErrorCode, String) {
    let error = outcome.unwrap_err();
    assert_eq!(error.cause, None);
    (error.code, error.message)
}

fn validate(
    idempotent_key: Value,
    user_id: Value,
    amount: &Value,
    transaction_type: &Value,
) -> Result<Transaction, BalanceError> {
    Transaction::validate(idempotent_key, user_id, amount, transaction_type)
}

/// One value of every kind that is neither a text nor missing.
fn values_that_are_no_text() -> [(Value, &'static str); 4] {
    [
        (Value::Boolean(true), "a boolean"),
        (Value::Number(42.0), "a number"),
        (Value::Other("an object"), "an object"),
        (Value::Other("a symbol"), "a symbol"),
    ]
}

fn missing_values() -> [Value; 3] {
    [Value::Undefined, Value::Null, text("")]
}

#[test]
fn a_balance_needs_a_user_id() {
    for missing in missing_values() {
        assert_eq!(
            complaint(UserId::validate_for_balance(missing)),
            (ErrorCode::InvalidUserId, "Invalid input: userId is required.".to_owned())
        );
    }
}

#[test]
fn a_transaction_needs_an_idempotent_key() {
    for missing in missing_values() {
        assert_eq!(
            complaint(IdempotentKey::validate(missing)),
            (ErrorCode::InvalidIdempotentKey, "Idempotent key is required".to_owned())
        );
    }
}

#[test]
fn a_transaction_needs_a_user_id() {
    for missing in missing_values() {
        assert_eq!(
            complaint(UserId::validate_for_transaction(missing)),
            (ErrorCode::InvalidUserId, "User ID is required".to_owned())
        );
    }
}

#[test]
fn keys_and_user_ids_are_strings() {
    for (value, kind) in values_that_are_no_text() {
        assert_eq!(
            complaint(UserId::validate_for_balance(value.clone())),
            (
                ErrorCode::InvalidUserId,
                format!("Invalid input: userId must be a string, not {kind}.")
            )
        );
        assert_eq!(
            complaint(UserId::validate_for_transaction(value.clone())),
            (ErrorCode::InvalidUserId, format!("User ID must be a string, not {kind}"))
        );
        assert_eq!(
            complaint(IdempotentKey::validate(value)),
            (
                ErrorCode::InvalidIdempotentKey,
                format!("Idempotent key must be a string, not {kind}")
            )
        );
    }
}

#[test]
fn keys_and_user_ids_are_well_formed() {
    let words = "must be well-formed Unicode, without unpaired surrogates";
    assert_eq!(
        complaint(UserId::validate_for_balance(Value::MalformedText)),
        (ErrorCode::InvalidUserId, format!("Invalid input: userId {words}."))
    );
    assert_eq!(
        complaint(UserId::validate_for_transaction(Value::MalformedText)),
        (ErrorCode::InvalidUserId, format!("User ID {words}"))
    );
    assert_eq!(
        complaint(IdempotentKey::validate(Value::MalformedText)),
        (ErrorCode::InvalidIdempotentKey, format!("Idempotent key {words}"))
    );
}

#[test]
fn keys_and_user_ids_may_have_2048_bytes() {
    for bytes in [1, 2, 2047, 2048] {
        assert!(UserId::validate_for_balance(text_of_bytes(bytes)).is_ok());
        assert!(UserId::validate_for_transaction(text_of_bytes(bytes)).is_ok());
        assert!(IdempotentKey::validate(text_of_bytes(bytes)).is_ok());
    }
}

#[test]
fn keys_and_user_ids_longer_than_2048_bytes_are_refused() {
    // Counted in bytes, not in characters: these are only 1,025 of them.
    let words = "must be at most 2048 bytes long in UTF-8, not 2049";
    assert_eq!(
        complaint(UserId::validate_for_balance(text_of_bytes(2049))),
        (ErrorCode::InvalidUserId, format!("Invalid input: userId {words}."))
    );
    assert_eq!(
        complaint(UserId::validate_for_transaction(text_of_bytes(2049))),
        (ErrorCode::InvalidUserId, format!("User ID {words}"))
    );
    assert_eq!(
        complaint(IdempotentKey::validate(text_of_bytes(2049))),
        (ErrorCode::InvalidIdempotentKey, format!("Idempotent key {words}"))
    );
}

#[test]
fn the_types_are_credit_and_debit() {
    for (spelling, transaction_type) in
        [("credit", TransactionType::Credit), ("debit", TransactionType::Debit)]
    {
        assert_eq!(TransactionType::validate(&text(spelling)), Ok(transaction_type));
        assert_eq!(transaction_type.as_str(), spelling);
    }
}

#[test]
fn any_other_type_is_refused() {
    let expected = (
        ErrorCode::InvalidType,
        "Transaction type must be either \"credit\" or \"debit\"".to_owned(),
    );
    let misspelt = ["", "CREDIT", "Debit", " credit", "debit ", "transfer"].map(text);
    let others = [
        Value::Undefined,
        Value::Null,
        Value::MalformedText,
        Value::Boolean(true),
        Value::Number(1.0),
        Value::Other("an object"),
    ];
    for value in misspelt.into_iter().chain(others) {
        assert_eq!(complaint(TransactionType::validate(&value)), expected, "{value:?}");
    }
}

#[test]
fn the_first_wrong_field_is_told_in_the_order_key_user_amount_type() {
    let [key, user, amount, kind] = [text("key"), text("user"), Value::Number(1.0), text("credit")];
    let wrong = Value::Null;
    assert_eq!(
        complaint(validate(wrong.clone(), wrong.clone(), &wrong, &wrong)).0,
        ErrorCode::InvalidIdempotentKey
    );
    assert_eq!(
        complaint(validate(key.clone(), wrong.clone(), &wrong, &wrong)).0,
        ErrorCode::InvalidUserId
    );
    assert_eq!(
        complaint(validate(key.clone(), user.clone(), &wrong, &wrong)).0,
        ErrorCode::InvalidAmount
    );
    assert_eq!(
        complaint(validate(key.clone(), user.clone(), &amount, &wrong)).0,
        ErrorCode::InvalidType
    );
    assert!(validate(key, user, &amount, &kind).is_ok());
}

#[test]
fn an_empty_call_is_told_that_the_key_is_missing() {
    let empty = || Value::Undefined;
    assert_eq!(
        complaint(validate(empty(), empty(), &empty(), &empty())),
        (ErrorCode::InvalidIdempotentKey, "Idempotent key is required".to_owned())
    );
}

proptest! {
    #[test]
    fn a_key_is_kept_to_the_letter(key in ".{1,200}") {
        let kept = IdempotentKey::validate(text(&key)).unwrap();
        prop_assert_eq!(kept.as_str(), key.as_str());
    }

    #[test]
    fn a_key_is_accepted_up_to_2048_bytes_and_not_beyond(key in ".{500,1100}") {
        let is_accepted = IdempotentKey::validate(text(&key)).is_ok();
        prop_assert_eq!(is_accepted, key.len() <= 2048);
    }

    #[test]
    fn a_valid_transaction_holds_what_was_given(
        key in ".{1,50}",
        user in ".{1,50}",
        amount in 0.01_f64..1e9,
        is_credit: bool,
    ) {
        let spelling = if is_credit { "credit" } else { "debit" };
        let transaction =
            validate(text(&key), text(&user), &Value::Number(amount), &text(spelling)).unwrap();
        prop_assert_eq!(transaction.idempotent_key.as_str(), key);
        prop_assert_eq!(transaction.user_id.as_str(), user);
        prop_assert_eq!(
            transaction.amount.as_decimal().to_number().to_bits(),
            amount.to_bits()
        );
        prop_assert_eq!(transaction.transaction_type.as_str(), spelling);
    }
}
