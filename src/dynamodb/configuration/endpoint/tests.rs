use std::collections::HashMap;

use super::*;
use crate::dynamodb::configuration::profiles::Profiles;
use crate::dynamodb::tests::options;

async fn resolve(
    region: &str,
    variables: &[(&str, &str)],
    named: Option<&str>,
    account_id: Option<&str>,
) -> Result<String, String> {
    let environment = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings {
        options: &options(100.0),
        environment: &environment.collect::<HashMap<_, _>>(),
        profiles: &Profiles::default(),
    };
    let named = named.map(|url| Url::parse(url).unwrap());
    let endpoint = Endpoint::new(&settings, region, named.as_ref());
    endpoint.url(account_id.map(str::to_owned)).await.map_err(|error| error.message)
}

#[tokio::test]
async fn without_an_account_the_region_decides() {
    let url = resolve("eu-central-1", &[], None, None).await;
    assert_eq!(url.as_deref(), Ok("https://dynamodb.eu-central-1.amazonaws.com"));
}

#[tokio::test]
async fn the_account_has_an_endpoint_of_its_own() {
    let url = resolve("eu-central-1", &[], None, Some("123456789012")).await;
    assert_eq!(url.as_deref(), Ok("https://123456789012.ddb.eu-central-1.amazonaws.com"));
}

#[tokio::test]
async fn an_endpoint_by_name_beats_the_account() {
    let named = Some("http://localhost:8000");
    let url = resolve("eu-central-1", &[], named, Some("123456789012")).await.unwrap();
    assert_eq!(url.trim_end_matches('/'), "http://localhost:8000");
}

#[tokio::test]
async fn fips_and_dual_stack_are_honoured() {
    let fips = resolve("eu-central-1", &[("AWS_USE_FIPS_ENDPOINT", "true")], None, None).await;
    assert_eq!(fips.as_deref(), Ok("https://dynamodb-fips.eu-central-1.amazonaws.com"));
    let dual_stack = [("AWS_USE_DUALSTACK_ENDPOINT", "true")];
    let dual_stack = resolve("eu-central-1", &dual_stack, None, None).await;
    assert_eq!(dual_stack.as_deref(), Ok("https://dynamodb.eu-central-1.api.aws"));
}

#[tokio::test]
async fn an_account_that_is_required_and_not_known_is_a_complaint_about_the_settings() {
    let required = [("AWS_ACCOUNT_ID_ENDPOINT_MODE", "required")];
    let complaint = resolve("eu-central-1", &required, None, None).await.unwrap_err();
    assert!(complaint.starts_with("Invalid option: the settings of the endpoint"), "{complaint}");
    assert!(complaint.contains("AccountIdEndpointMode"), "{complaint}");
}

#[tokio::test]
async fn a_region_of_another_partition_has_its_own_domain() {
    let url = resolve("cn-north-1", &[], None, None).await;
    assert_eq!(url.as_deref(), Ok("https://dynamodb.cn-north-1.amazonaws.com.cn"));
}
