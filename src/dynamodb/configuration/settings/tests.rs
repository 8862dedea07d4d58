use super::*;
use crate::dynamodb::tests::options;
use crate::error::ErrorCode;

fn environment(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Runs a check with these variables and without configuration files.
fn with<T>(variables: &[(&str, &str)], check: impl FnOnce(Settings<'_>) -> T) -> T {
    let environment = environment(variables);
    let profiles = Profiles::default();
    check(Settings { options: &options(100.0), environment: &environment, profiles: &profiles })
}

#[test]
fn a_region_named_for_other_tools_alone_counts_last() {
    let region = |variables: &[_]| with(variables, |settings| settings.region().unwrap());
    let both = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2")];
    assert_eq!(region(&both).as_deref(), Some("eu-west-1"));
    assert_eq!(region(&[("AWS_DEFAULT_REGION", "eu-west-2")]).as_deref(), Some("eu-west-2"));
    assert_eq!(region(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]), None);
}

#[test]
fn what_cannot_be_a_region_is_refused_by_name() {
    let complaint = with(&[("AWS_REGION", "eu west")], |settings| settings.region().unwrap_err());
    assert_eq!(complaint.code, ErrorCode::InvalidOption);
    assert!(complaint.message.contains("AWS_REGION"), "{}", complaint.message);
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    for url in ["http://bob:s3cr3t@localhost", "https://s3cr3t@localhost", "x://bob:s3cr3t@host"] {
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"] {
            let complaint = with(&[(name, url)], |settings| settings.endpoint().unwrap_err());
            assert_eq!(complaint.code, ErrorCode::InvalidOption);
            assert!(complaint.message.contains(name), "{}", complaint.message);
            assert!(!complaint.message.contains("s3cr3t"), "{}", complaint.message);
        }
    }
}

#[test]
fn an_endpoint_excludes_fips_and_dual_stack() {
    for other in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
        let variables = [("AWS_ENDPOINT_URL", "http://localhost:8000"), (other, "true")];
        let complaint = with(&variables, |settings| {
            let endpoint = settings.endpoint().unwrap();
            settings.check_together(endpoint.as_ref()).unwrap_err()
        });
        assert!(complaint.message.contains("AWS_ENDPOINT_URL"), "{}", complaint.message);
        assert!(complaint.message.contains(other), "{}", complaint.message);
    }
}

#[test]
fn the_old_names_of_fips_regions_are_known() {
    for region in ["fips-us-west-2", "us-west-2-fips"] {
        let (real, fips) = with(&[("AWS_REGION", region)], |settings| {
            (settings.region().unwrap(), settings.use_fips())
        });
        assert_eq!((real.as_deref(), fips), (Some("us-west-2"), true), "{region}");
    }
}

#[test]
fn a_missing_profile_is_told_by_the_setting_that_names_it() {
    let profiles = Profiles::default();
    for (profile, setting) in
        [(Profile::ByOption("ghost"), "profile"), (Profile::ByVariable("ghost"), "AWS_PROFILE")]
    {
        let complaint = profile.missing(&profiles).unwrap().message;
        assert!(complaint.starts_with(&format!("Invalid option: {setting} ")), "{complaint}");
        assert!(complaint.contains("\"ghost\", which does not exist"), "{complaint}");
    }
    assert_eq!(Profile::Unnamed.missing(&profiles), None);
    assert_eq!(Profile::ByVariable("default").missing(&profiles), None);
}

#[test]
fn a_region_that_was_meant_and_not_understood_is_refused() {
    let mut profiles = Profiles::default();
    profiles.passed_over.push("line 2 of config says nothing".to_owned());
    let (options, environment) = (options(100.0), environment(&[]));
    let settings = Settings { options: &options, environment: &environment, profiles: &profiles };
    let complaint = settings.check_that_no_region_was_meant().unwrap_err();
    assert!(complaint.message.contains("line 2 of config"), "{}", complaint.message);
}
