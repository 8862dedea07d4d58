use super::*;

fn environment(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

const KEYS: [(&str, &str); 2] = [(ACCESS_KEY_ID, "key"), (SECRET_ACCESS_KEY, "secret")];

#[test]
fn the_environment_gives_all_that_it_has() {
    let mut variables = KEYS.to_vec();
    variables.extend([
        (SESSION_TOKEN, "token"),
        ("AWS_ACCOUNT_ID", "123456789012"),
        ("AWS_CREDENTIAL_EXPIRATION", "2026-05-06T07:08:09Z"),
    ]);
    let credentials = from_environment(&environment(&variables)).unwrap();
    assert_eq!(credentials.access_key_id(), "key");
    assert_eq!(credentials.session_token(), Some("token"));
    assert_eq!(credentials.account_id().unwrap().as_str(), "123456789012");
    let expiry = credentials.expiry().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(expiry.as_secs(), 1_778_051_289);
}

#[test]
fn half_of_a_pair_and_empty_variables_are_no_credentials() {
    for variables in [
        vec![KEYS[0]],
        vec![KEYS[1]],
        vec![KEYS[0], (SECRET_ACCESS_KEY, "")],
        vec![(ACCESS_KEY_ID, ""), KEYS[1]],
    ] {
        assert!(from_environment(&environment(&variables)).is_none(), "{variables:?}");
    }
    let mut variables = KEYS.to_vec();
    variables.push((SESSION_TOKEN, ""));
    let credentials = from_environment(&environment(&variables)).unwrap();
    assert_eq!(credentials.session_token(), None);
}

#[test]
fn the_other_sources_see_neither_keys_nor_empty_variables() {
    let mut variables = KEYS.to_vec();
    variables.extend([("AWS_ROLE_ARN", "arn"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "")]);
    let rest = without_own_credentials(&environment(&variables));
    assert_eq!(rest, environment(&[("AWS_ROLE_ARN", "arn")]));
}

#[test]
fn every_word_but_false_disables_the_metadata_service() {
    for (word, expected) in
        [("true", true), ("TRUE", true), ("1", true), ("false", false), ("", false)]
    {
        let environment = environment(&[(METADATA_DISABLED, word)]);
        assert_eq!(is_metadata_disabled(&environment), expected, "{word}");
        let handed_on = without_own_credentials(&environment);
        assert_eq!(handed_on.contains_key(METADATA_DISABLED), expected, "{word}");
    }
}
