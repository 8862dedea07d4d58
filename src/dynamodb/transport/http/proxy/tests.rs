use super::*;

fn variables(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn proxy_for(environment: &[(&str, &str)], url: &str) -> Option<String> {
    let proxies = Proxies::read(&variables(environment)).unwrap();
    proxies.intercept(&url.parse().unwrap()).map(|proxy| proxy.uri().to_string())
}

const DYNAMODB: &str = "https://dynamodb.eu-west-1.amazonaws.com/";

#[test]
fn the_scheme_decides_which_proxy_is_used() {
    let both = [("HTTPS_PROXY", "http://one.test:1"), ("HTTP_PROXY", "http://two.test:2")];
    assert_eq!(proxy_for(&both, DYNAMODB).unwrap(), "http://one.test:1/");
    assert_eq!(proxy_for(&both, "http://localhost:8000/").unwrap(), "http://two.test:2/");
    assert_eq!(proxy_for(&both[1..], DYNAMODB), None);
    assert_eq!(proxy_for(&[], DYNAMODB), None);
    assert_eq!(proxy_for(&[("ALL_PROXY", "http://one.test:1")], DYNAMODB), None);
}

#[test]
fn the_lower_case_wins_also_where_it_is_empty() {
    let upper = ("HTTPS_PROXY", "http://upper.test:1");
    let lower = |value| [upper, ("https_proxy", value)];
    let found = proxy_for(&lower("http://lower.test:2"), DYNAMODB);
    assert_eq!(found.unwrap(), "http://lower.test:2/");
    assert_eq!(proxy_for(&lower(""), DYNAMODB), None);
}

#[test]
fn a_proxy_without_a_scheme_is_one() {
    let found = proxy_for(&[("HTTPS_PROXY", "proxy.test:3128")], DYNAMODB);
    assert_eq!(found.unwrap(), "http://proxy.test:3128/");
}

#[test]
fn exceptions_are_hosts_domains_networks_and_ports() {
    for (exceptions, url, is_exception) in [
        ("*", DYNAMODB, true),
        ("amazonaws.com", DYNAMODB, true),
        (".amazonaws.com", DYNAMODB, true),
        ("azonaws.com", DYNAMODB, false),
        ("other.test, dynamodb.eu-west-1.amazonaws.com", DYNAMODB, true),
        ("DYNAMODB.EU-WEST-1.AMAZONAWS.COM", DYNAMODB, true),
        ("dynamodb.eu-west-1.amazonaws.com:443", DYNAMODB, true),
        ("dynamodb.eu-west-1.amazonaws.com:444", DYNAMODB, false),
        ("10.0.0.0/8", "https://10.1.2.3:8000/", true),
        ("10.0.0.0/8", "https://11.1.2.3:8000/", false),
        ("10.1.2.3", "https://10.1.2.3:8000/", true),
        ("localhost:8000", "https://localhost:8000/", true),
        ("::1", "https://[::1]:8000/", true),
        ("[::1]:8000", "https://[::1]:8000/", true),
        ("", DYNAMODB, false),
        (",", DYNAMODB, false),
    ] {
        for name in ["NO_PROXY", "no_proxy"] {
            let environment = [("HTTPS_PROXY", "http://proxy.test:1"), (name, exceptions)];
            let found = proxy_for(&environment, url);
            assert_eq!(found.is_none(), is_exception, "{exceptions:?} {url}");
        }
    }
}

#[test]
fn metadata_services_are_never_asked_by_proxy() {
    for host in METADATA_SERVICES {
        for scheme in ["http", "https"] {
            let both = [("HTTPS_PROXY", "http://a.test:1"), ("HTTP_PROXY", "http://a.test:1")];
            assert_eq!(proxy_for(&both, &format!("{scheme}://{host}/latest")), None, "{host}");
        }
    }
}

#[test]
fn a_name_and_password_are_sent_decoded() {
    let environment = variables(&[("https_proxy", "http://us%65r:p%40ss@proxy.test:1")]);
    let proxies = Proxies::read(&environment).unwrap();
    let proxy = proxies.intercept(&DYNAMODB.parse().unwrap()).unwrap();
    assert_eq!(proxy.uri(), "http://proxy.test:1/");
    // user:p@ss
    assert_eq!(proxy.basic_auth().unwrap(), "Basic dXNlcjpwQHNz");
}

#[test]
fn what_is_no_http_proxy_is_refused_by_name_and_without_the_password() {
    for url in
        ["socks5://user:secret@proxy.test:1", "http://user:sec ret@proxy.test", "ftp://secret"]
    {
        let error = Proxies::read(&variables(&[("https_proxy", url)])).unwrap_err();
        assert_eq!(error.code, crate::error::ErrorCode::InvalidOption);
        assert!(error.message.contains("https_proxy"), "{}", error.message);
        assert!(!error.message.contains("sec"), "{}", error.message);
        let unused = Proxies::read(&variables(&[("ALL_PROXY", url)])).unwrap();
        assert!(!format!("{unused:?}").contains("secret"));
    }
}

#[test]
fn a_header_of_a_web_request_is_no_proxy() {
    let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://attacker.test:1")];
    assert_eq!(proxy_for(&cgi, "http://localhost:8000/"), None);
}
