use proptest::prelude::*;

use super::*;
use crate::options::credentials::Credentials;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn nothing_given() -> UncheckedOptions {
    UncheckedOptions {
        names: Vec::new(),
        region: Value::Undefined,
        endpoint: Value::Undefined,
        profile: Value::Undefined,
        balances_table: Value::Undefined,
        transactions_table: Value::Undefined,
        default_balance: Value::Undefined,
        consistent_read: Value::Undefined,
        connect_timeout: Value::Undefined,
        attempt_timeout: Value::Undefined,
        call_timeout: Value::Undefined,
        custom_user_agent: Value::Undefined,
    }
}

/// Options with one given, by its name in JavaScript.
fn given(name: &str, value: Value) -> UncheckedOptions {
    let mut options = UncheckedOptions { names: vec![name.to_owned()], ..nothing_given() };
    let field = match name {
        "region" => &mut options.region,
        "endpoint" => &mut options.endpoint,
        "profile" => &mut options.profile,
        "balancesTable" => &mut options.balances_table,
        "transactionsTable" => &mut options.transactions_table,
        "defaultBalance" => &mut options.default_balance,
        "consistentRead" => &mut options.consistent_read,
        "connectTimeout" => &mut options.connect_timeout,
        "attemptTimeout" => &mut options.attempt_timeout,
        "callTimeout" => &mut options.call_timeout,
        "customUserAgent" => &mut options.custom_user_agent,
        other => panic!("{other} is not an option"),
    };
    *field = value;
    options
}

fn validate(unchecked: UncheckedOptions) -> Result<Options, BalanceError> {
    Options::validate(unchecked, CredentialsSource::AwsChain)
}

fn accepted(name: &str, value: Value) -> Options {
    validate(given(name, value)).unwrap()
}

fn refused(name: &str, value: Value) -> String {
    let error = validate(given(name, value)).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidOption);
    error.message
}

const DEADLINES: [&str; 3] = ["connectTimeout", "attemptTimeout", "callTimeout"];

#[test]
fn without_options_the_documented_defaults_apply() {
    let options = validate(nothing_given()).unwrap();
    assert_eq!(options.region, None);
    assert_eq!(options.endpoint, None);
    assert_eq!(options.profile, None);
    assert_eq!(options.balances_table, "UserBalances");
    assert_eq!(options.transactions_table, "Transactions");
    assert_eq!(options.default_balance.as_decimal().to_string(), "100");
    assert!(options.consistent_read);
    assert_eq!(options.deadlines.connect, Duration::from_secs(2));
    assert_eq!(options.deadlines.attempt, Duration::from_secs(5));
    assert_eq!(options.deadlines.call, Duration::from_secs(25));
}

#[test]
fn every_option_is_taken_over() {
    let options = validate(UncheckedOptions {
        names: NAMES.map(str::to_owned).to_vec(),
        region: text("eu-central-1"),
        endpoint: text("http://localhost:8000"),
        profile: text("accounting"),
        balances_table: text("balances_of.2024-12"),
        transactions_table: text("arn:aws:dynamodb:eu-central-1:123456789012:table/Movements"),
        default_balance: Value::Number(0.0),
        consistent_read: Value::Boolean(false),
        connect_timeout: Value::Number(1.0),
        attempt_timeout: Value::Number(1500.5),
        call_timeout: Value::Number(300_000.0),
        custom_user_agent: text("shop/1.2"),
    })
    .unwrap();
    assert_eq!(options.region.as_deref(), Some("eu-central-1"));
    assert_eq!(options.endpoint.unwrap().as_str(), "http://localhost:8000/");
    assert_eq!(options.profile.as_deref(), Some("accounting"));
    assert_eq!(options.balances_table, "balances_of.2024-12");
    assert_eq!(
        options.transactions_table,
        "arn:aws:dynamodb:eu-central-1:123456789012:table/Movements"
    );
    assert_eq!(options.default_balance.as_decimal().to_string(), "0");
    assert!(!options.consistent_read);
    assert_eq!(options.custom_user_agent.as_deref(), Some("shop/1.2"));
    assert_eq!(options.deadlines.connect, Duration::from_millis(1));
    assert_eq!(options.deadlines.attempt, Duration::from_micros(1_500_500));
    assert_eq!(options.deadlines.call, Duration::from_mins(5));
}

#[test]
fn an_unknown_option_is_refused_by_name_and_told_which_there_are() {
    let options = UncheckedOptions { names: vec!["balanceTable".to_owned()], ..nothing_given() };
    let error = validate(options).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidOption);
    assert_eq!(
        error.message,
        "Invalid option: balanceTable is not an option; there are region, endpoint, profile, \
         credentials, balancesTable, transactionsTable, defaultBalance, consistentRead, \
         connectTimeout, attemptTimeout, callTimeout, customUserAgent"
    );
}

#[test]
fn an_unknown_option_is_found_among_known_ones() {
    let names = ["region", "Endpoint", "profile"].map(str::to_owned).to_vec();
    let error = validate(UncheckedOptions { names, ..nothing_given() }).unwrap_err();
    assert!(error.message.starts_with("Invalid option: Endpoint is not an option"));
}

#[test]
fn an_option_that_is_undefined_counts_as_not_given() {
    for name in ["region", "balancesTable", "defaultBalance", "consistentRead", "callTimeout"] {
        assert!(validate(given(name, Value::Undefined)).is_ok(), "{name}");
    }
}

#[test]
fn text_options_must_be_strings() {
    for name in ["region", "endpoint", "profile", "balancesTable", "transactionsTable"] {
        for (value, kind) in [
            (Value::Null, "null"),
            (Value::Number(1.0), "a number"),
            (Value::Boolean(true), "a boolean"),
            (Value::Other("an object"), "an object"),
        ] {
            let expected = if name == "endpoint" { "a string or a URL" } else { "a string" };
            let message = format!("Invalid option: {name} must be {expected}, not {kind}");
            assert_eq!(refused(name, value), message);
        }
    }
}

#[test]
fn text_options_must_not_be_empty() {
    for name in ["region", "endpoint", "profile", "balancesTable", "transactionsTable"] {
        assert_eq!(refused(name, text("")), format!("Invalid option: {name} must not be empty"));
    }
}

#[test]
fn text_options_must_be_well_formed() {
    for name in ["region", "endpoint", "profile", "balancesTable", "transactionsTable"] {
        let message = format!("Invalid option: {name} must be well-formed Unicode");
        assert_eq!(refused(name, Value::MalformedText), message);
    }
}

#[test]
fn a_region_that_is_no_host_name_label_is_refused() {
    for region in ["us east 1", "evil.example/", "us-east-1#", "日本"] {
        assert_eq!(
            refused("region", text(region)),
            format!(
                "Invalid option: region must be a region's name such as us-east-1, not {region:?}"
            )
        );
    }
}

#[test]
fn an_endpoint_must_be_an_http_url() {
    for endpoint in ["localhost:8000", "ftp://localhost", "http://", "nonsense", "file:///etc"] {
        assert_eq!(
            refused("endpoint", text(endpoint)),
            format!(
                "Invalid option: endpoint must be an http:// or https:// URL such as \
                 http://localhost:8000, not {endpoint:?}"
            )
        );
    }
}

#[test]
fn an_endpoint_may_be_encrypted() {
    let options = accepted("endpoint", text("https://dynamodb.example"));
    assert_eq!(options.endpoint.unwrap().scheme(), "https");
}

#[test]
fn a_table_must_be_a_name_or_an_arn() {
    for name in ["balancesTable", "transactionsTable"] {
        for table in ["user balances", "table;drop", "Größe"] {
            let message =
                format!("Invalid option: {name} must be a table's name or ARN, not {table:?}");
            assert_eq!(refused(name, text(table)), message);
        }
    }
}

#[test]
fn a_table_name_has_at_most_1024_characters() {
    for name in ["balancesTable", "transactionsTable"] {
        accepted(name, text(&"t".repeat(1024)));
        let message = refused(name, text(&"t".repeat(1025)));
        assert!(message.starts_with(&format!("Invalid option: {name} must be")), "{message}");
    }
}

#[test]
fn the_two_tables_must_differ() {
    let message = "Invalid option: transactionsTable must differ from balancesTable";
    let both = UncheckedOptions {
        balances_table: text("Money"),
        transactions_table: text("Money"),
        ..nothing_given()
    };
    assert_eq!(validate(both).unwrap_err().message, message);
    // Also where one of them is the default.
    assert_eq!(refused("balancesTable", text("Transactions")), message);
    assert_eq!(refused("transactionsTable", text("UserBalances")), message);
}

#[test]
fn the_default_balance_is_refused_by_name() {
    for (value, complaint) in [
        (Value::Null, "must be a number, not null"),
        (text("100"), "must be a number, not a string"),
        (Value::Number(-1.0), "must be 0 or greater, not -1"),
        (Value::Number(f64::NAN), "must be a finite number, not NaN"),
    ] {
        assert_eq!(
            refused("defaultBalance", value),
            format!("Invalid option: defaultBalance {complaint}")
        );
    }
}

#[test]
fn consistent_read_must_be_a_boolean() {
    for (value, kind) in [
        (Value::Null, "null"),
        (text("true"), "a string"),
        (Value::Number(1.0), "a number"),
        (Value::Other("an object"), "an object"),
    ] {
        assert_eq!(
            refused("consistentRead", value),
            format!("Invalid option: consistentRead must be true or false, not {kind}")
        );
    }
}

#[test]
fn a_deadline_must_be_a_number_of_milliseconds() {
    for name in DEADLINES {
        for (value, kind) in [
            (Value::Null, "null"),
            (text("1000"), "a string"),
            (Value::Boolean(true), "a boolean"),
            (Value::Other("an object"), "an object"),
        ] {
            let message =
                format!("Invalid option: {name} must be a number of milliseconds, not {kind}");
            assert_eq!(refused(name, value), message);
        }
    }
}

#[test]
fn a_deadline_lies_between_a_millisecond_and_five_minutes() {
    for name in DEADLINES {
        accepted(name, Value::Number(1.0));
        accepted(name, Value::Number(300_000.0));
        for (number, spelling) in
            [(0.0, "0"), (0.5, "0.5"), (-5.0, "-5"), (300_001.0, "300001"), (f64::NAN, "NaN")]
        {
            assert_eq!(
                refused(name, Value::Number(number)),
                format!(
                    "Invalid option: {name} must be between 1 and 300000 milliseconds, not \
                     {spelling}"
                )
            );
        }
    }
}

#[test]
fn an_infinite_deadline_is_refused_in_the_spelling_of_javascript() {
    for (number, spelling) in [(f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
        let message = refused("callTimeout", Value::Number(number));
        assert!(message.ends_with(&format!("not {spelling}")), "{message}");
    }
}

#[test]
fn the_options_never_show_their_credentials() {
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "do-not-show-me".to_owned(),
        session_token: Some("nor-me".to_owned()),
        expiration: None,
    };
    let options = Options::validate(nothing_given(), CredentialsSource::Fixed(credentials));
    let shown = format!("{:?}", options.unwrap());
    for secret in ["AKIDEXAMPLE", "do-not-show-me", "nor-me"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_deadline_is_taken_over_or_refused_for_every_number(
        number in any::<u64>().prop_map(f64::from_bits)
    ) {
        match validate(given("callTimeout", Value::Number(number))) {
            Ok(options) => {
                let milliseconds = options.deadlines.call.as_secs_f64() * 1000.0;
                prop_assert!((milliseconds - number).abs() < 0.001);
                prop_assert!((1.0..=300_000.0).contains(&number));
            }
            Err(error) => prop_assert!(error.message.contains("callTimeout")),
        }
    }

    #[test]
    fn no_text_makes_an_option_panic(wild in ".{0,60}") {
        for name in ["region", "endpoint", "profile", "balancesTable"] {
            if let Err(error) = validate(given(name, text(&wild))) {
                let opening = format!("Invalid option: {name} ");
                prop_assert!(error.message.starts_with(&opening));
            }
        }
    }
}

#[test]
fn a_password_in_the_endpoint_is_refused_and_not_repeated() {
    for endpoint in ["http://bob:s3cr3t@localhost:8000", "https://s3cr3t@host", "x://s3cr3t@host"] {
        let complaint = refused("endpoint", text(endpoint));
        assert!(complaint.starts_with("Invalid option: endpoint must"), "{complaint}");
        assert!(!complaint.contains("s3cr3t"), "{complaint}");
    }
}

#[test]
fn the_user_agent_can_have_names_and_versions_of_the_caller() {
    for text_of_caller in ["shop/1.2", "shop/1.2 (payments) os/linux", &"a".repeat(256)] {
        let options = accepted("customUserAgent", text(text_of_caller));
        assert_eq!(options.custom_user_agent.as_deref(), Some(text_of_caller));
    }
    assert_eq!(validate(nothing_given()).unwrap().custom_user_agent, None);
}

#[test]
fn a_user_agent_that_cannot_be_a_header_is_refused() {
    for wrong in ["", " shop", "shop ", "sh\nop", "sh\top", "caf\u{e9}", &"a".repeat(257)] {
        let message = refused("customUserAgent", text(wrong));
        assert!(message.starts_with("Invalid option: customUserAgent must"), "{message}");
    }
    assert!(refused("customUserAgent", Value::Number(5.0)).contains("must be a string"));
}
