use super::*;
use crate::error::ErrorCode;

fn checked(value: &str, endpoint: Option<&str>) -> Result<(), BalanceError> {
    let environment = HashMap::from([(FORBID.to_owned(), value.to_owned())]);
    check(&environment, endpoint.map(|url| Url::parse(url).unwrap()).as_ref())
}

#[test]
fn local_endpoints_are_never_forbidden() {
    for endpoint in [
        "http://localhost:8000",
        "http://localhost.:8000",
        "http://LOCALHOST",
        "https://dynamodb.localhost",
        "http://127.0.0.1:8000",
        "http://127.9.9.9",
        "http://0.0.0.0:8000",
        "http://[::1]:8000",
        "http://[::ffff:127.0.0.1]:8000",
        "http://dynamodb-local:8000",
        "http://host.docker.internal:8000",
    ] {
        assert_eq!(checked("1", Some(endpoint)), Ok(()), "{endpoint}");
    }
}

#[test]
fn all_others_are_where_the_environment_says_so() {
    for endpoint in [
        "https://dynamodb.eu-central-1.amazonaws.com",
        "https://localhost.example.com",
        "http://evil-localhost.com",
        "http://10.0.0.1:8000",
        "http://169.254.169.254",
        "http://[fe80::1]:8000",
        "http://[::ffff:10.0.0.1]:8000",
    ] {
        for value in ["1", "true"] {
            let error = checked(value, Some(endpoint)).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidOption);
            let origin = Url::parse(endpoint).unwrap().origin().ascii_serialization();
            assert!(error.message.contains(&origin), "{}", error.message);
            assert!(error.message.contains(FORBID), "{}", error.message);
        }
        for value in ["0", "false", ""] {
            assert_eq!(checked(value, Some(endpoint)), Ok(()), "{value} {endpoint}");
        }
    }
}

#[test]
fn the_endpoint_of_a_region_is_real() {
    assert!(checked("1", None).unwrap_err().message.contains("not that of a region"));
    assert_eq!(checked("0", None), Ok(()));
    assert_eq!(check(&HashMap::new(), None), Ok(()));
}

#[test]
fn a_value_that_is_neither_yes_nor_no_forbids_everything() {
    let error = checked("yes", Some("http://localhost:8000")).unwrap_err();
    assert!(error.message.starts_with(&format!("Invalid option: {FORBID} must be 1")), "{error:?}");
}
