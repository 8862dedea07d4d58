use super::*;

const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI-do-not-show-me";
const SESSION_TOKEN: &str = "FwoGZXIvYXdzE-nor-me";

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn complete() -> UncheckedCredentials {
    UncheckedCredentials {
        access_key_id: text(ACCESS_KEY_ID),
        secret_access_key: text(SECRET_ACCESS_KEY),
        session_token: text(SESSION_TOKEN),
        expiration: Value::Number(1_700_000_000_500.0),
    }
}

fn complaint(unchecked: UncheckedCredentials) -> String {
    let complaint = Credentials::validate(unchecked).unwrap_err();
    for secret in [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, "1700000000500"] {
        assert!(!complaint.contains(secret), "{complaint}");
    }
    complaint
}

/// The three texts, each made wrong by `value` in turn, with the field's name in JavaScript.
fn each_text_replaced(value: &Value) -> [(&'static str, UncheckedCredentials); 3] {
    [
        ("accessKeyId", UncheckedCredentials { access_key_id: value.clone(), ..complete() }),
        (
            "secretAccessKey",
            UncheckedCredentials { secret_access_key: value.clone(), ..complete() },
        ),
        ("sessionToken", UncheckedCredentials { session_token: value.clone(), ..complete() }),
    ]
}

#[test]
fn complete_credentials_are_taken_over() {
    let credentials = Credentials::validate(complete()).unwrap();
    assert_eq!(credentials.access_key_id, ACCESS_KEY_ID);
    assert_eq!(credentials.secret_access_key, SECRET_ACCESS_KEY);
    assert_eq!(credentials.session_token.as_deref(), Some(SESSION_TOKEN));
    let expiration = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    assert_eq!(credentials.expiration, Some(expiration));
}

#[test]
fn session_token_and_expiration_may_be_left_out() {
    let credentials = Credentials::validate(UncheckedCredentials {
        session_token: Value::Undefined,
        expiration: Value::Undefined,
        ..complete()
    })
    .unwrap();
    assert_eq!(credentials.session_token, None);
    assert_eq!(credentials.expiration, None);
}

#[test]
fn the_keys_may_not_be_left_out() {
    for (field, unchecked) in each_text_replaced(&Value::Undefined).into_iter().take(2) {
        assert_eq!(
            complaint(unchecked),
            format!("credentials.{field} must be a string, not undefined")
        );
    }
}

#[test]
fn a_text_of_another_type_is_refused_by_name() {
    for (value, kind) in [
        (Value::Null, "null"),
        (Value::Number(1.0), "a number"),
        (Value::Boolean(true), "a boolean"),
        (Value::Other("an object"), "an object"),
    ] {
        for (field, unchecked) in each_text_replaced(&value) {
            assert_eq!(
                complaint(unchecked),
                format!("credentials.{field} must be a string, not {kind}")
            );
        }
    }
}

#[test]
fn an_empty_key_is_refused_by_name() {
    for (field, unchecked) in each_text_replaced(&text("")).into_iter().take(2) {
        assert_eq!(complaint(unchecked), format!("credentials.{field} must not be empty"));
    }
}

#[test]
fn an_empty_session_token_is_none() {
    let unchecked = UncheckedCredentials { session_token: text(""), ..complete() };
    assert_eq!(Credentials::validate(unchecked).unwrap().session_token, None);
}

#[test]
fn a_malformed_text_is_not_told_that_it_is_no_string() {
    for (field, unchecked) in each_text_replaced(&Value::MalformedText) {
        assert_eq!(
            complaint(unchecked),
            format!("credentials.{field} must be well-formed Unicode")
        );
    }
}

#[test]
fn an_expiration_must_be_a_date() {
    for (value, kind) in [
        (Value::Null, "null"),
        (text("2030-01-01T00:00:00Z"), "a string"),
        (Value::Other("an object"), "an object"),
    ] {
        assert_eq!(
            complaint(UncheckedCredentials { expiration: value, ..complete() }),
            format!("credentials.expiration must be a Date, not {kind}")
        );
    }
}

#[test]
fn an_expiration_must_be_a_valid_date_after_1970() {
    // An invalid Date of JavaScript is NaN milliseconds.
    for milliseconds in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let expiration = Value::Number(milliseconds);
        assert_eq!(
            complaint(UncheckedCredentials { expiration, ..complete() }),
            "credentials.expiration must be a valid Date after 1970"
        );
    }
}

#[test]
fn credentials_never_show_themselves() {
    let credentials = Credentials::validate(complete()).unwrap();
    let source = CredentialsSource::Fixed(credentials.clone());
    for shown in [format!("{credentials:?}"), format!("{credentials:#?}"), format!("{source:?}")] {
        assert!(shown.contains("Credentials(hidden)"), "{shown}");
        for secret in [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
