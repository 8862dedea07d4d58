use aws_config::BehaviorVersion;

use super::*;

fn config() -> aws_types::sdk_config::Builder {
    SdkConfig::builder().behavior_version(BehaviorVersion::latest())
}

async fn url(config: SdkConfig, named: Option<&str>, account_id: Option<&str>) -> String {
    let endpoint = Endpoint::new(&config, "eu-central-1", named);
    endpoint.url(account_id.map(str::to_owned)).await.unwrap()
}

#[tokio::test]
async fn without_an_account_the_region_decides() {
    let url = url(config().build(), None, None).await;
    assert_eq!(url, "https://dynamodb.eu-central-1.amazonaws.com");
}

#[tokio::test]
async fn the_account_has_an_endpoint_of_its_own() {
    let url = url(config().build(), None, Some("123456789012")).await;
    assert_eq!(url, "https://123456789012.ddb.eu-central-1.amazonaws.com");
}

#[tokio::test]
async fn an_endpoint_by_name_beats_the_account() {
    let url = url(config().build(), Some("http://localhost:8000"), Some("123456789012")).await;
    assert_eq!(url, "http://localhost:8000");
}

#[tokio::test]
async fn fips_and_dual_stack_are_honoured() {
    let mut fips = config();
    fips.set_use_fips(Some(true));
    let fips = url(fips.build(), None, None).await;
    assert_eq!(fips, "https://dynamodb-fips.eu-central-1.amazonaws.com");
    let mut dual_stack = config();
    dual_stack.set_use_dual_stack(Some(true));
    let dual_stack = url(dual_stack.build(), None, None).await;
    assert_eq!(dual_stack, "https://dynamodb.eu-central-1.api.aws");
}

#[tokio::test]
async fn a_region_of_another_partition_has_its_own_domain() {
    let endpoint = Endpoint::new(&config().build(), "cn-north-1", None);
    assert_eq!(endpoint.url(None).await.unwrap(), "https://dynamodb.cn-north-1.amazonaws.com.cn");
}
