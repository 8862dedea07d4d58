//! The metadata service of EC2, which knows the region of the machine. It is given a second; most
//! machines have none.

use std::collections::HashMap;

use aws_config::imds::Client;
use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::dynamodb::configuration::chain::is_metadata_disabled;
use crate::dynamodb::configuration::settings::variable;
use crate::error::BalanceError;
use crate::options::{invalid_option, is_region};
use crate::store::{Fault, Reason};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const IPV4_ENDPOINT: &str = "http://169.254.169.254";
const IPV6_ENDPOINT: &str = "http://[fd00:ec2::254]";
const REGION_PATH: &str = "/latest/meta-data/placement/region";

/// `None`: this machine has no such service, or it says nothing. A service that is there and fails
/// is a fault that may pass, so that no other region is taken for it.
pub async fn region(
    environment: &HashMap<String, String>,
    client: SharedHttpClient,
) -> Result<Option<String>, Fault> {
    if is_metadata_disabled(environment) {
        return Ok(None);
    }
    let client = open(environment, client).map_err(Fault::Final)?;
    match client.get(REGION_PATH).await {
        Ok(region) => Ok(Some(String::from(region)).filter(|region| is_region(region))),
        Err(ImdsError::ErrorResponse(answer)) if answer.response().status().is_server_error() => {
            let status = answer.response().status().as_u16();
            let summary =
                format!("the EC2 metadata service failed to tell the region (status {status})");
            Err(Fault::NotTaken(Reason { summary, cause: None }))
        }
        Err(_) => Ok(None),
    }
}

fn open(
    environment: &HashMap<String, String>,
    client: SharedHttpClient,
) -> Result<Client, BalanceError> {
    let is_ipv6 = variable(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
    let default = if is_ipv6 { IPV6_ENDPOINT } else { IPV4_ENDPOINT };
    let endpoint = variable(environment, ENDPOINT).unwrap_or(default);
    let builder = Client::builder()
        .configure(&ProviderConfig::without_region().with_http_client(client))
        .endpoint(endpoint)
        .map_err(|error| invalid_option(ENDPOINT, &format!("must be an http:// URL: {error}")))?;
    Ok(builder.build())
}
