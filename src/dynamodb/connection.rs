//! From options and environment to a connection with DynamoDB.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItem;
use aws_sdk_dynamodb::operation::get_item::GetItem;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItems;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_types::os_shim_internal::Env;
use aws_types::service_config::ServiceConfigKey;
use tokio::task::spawn_blocking;
use url::Url;

use super::credentials;
use super::endpoint::Endpoint;
use super::http::Client;
use super::identity::Passports;
use super::protocol::Protocol;
use super::wire::Wire;
use crate::error::BalanceError;
use crate::options::{Options, invalid_option, is_region};

/// Used when neither the options nor the AWS chain name a region.
const DEFAULT_REGION: &str = "us-east-1";

/// The way to DynamoDB, and what an error message says about where it leads.
#[derive(Debug)]
pub struct Connection {
    pub wire: Wire,
    pub get_item: Protocol<GetItem>,
    pub batch_get_item: Protocol<BatchGetItem>,
    pub transact_write_items: Protocol<TransactWriteItems>,
    pub region: String,
    pub endpoint: Option<String>,
}

impl Connection {
    pub async fn open(
        options: &Options,
        environment: &HashMap<String, String>,
    ) -> Result<Self, BalanceError> {
        let http = Client::new(environment, options.deadlines)?;
        // Beside everything else, and not on the thread that carries the requests.
        let made = if is_likely_plain(options, environment) {
            None
        } else {
            let http = http.clone();
            Some(spawn_blocking(move || http.prepare_encryption()))
        };
        let connector = SharedHttpConnector::new(http.clone());
        let shared = loader(options, environment).http_client(always(&connector)).load().await;
        let endpoint =
            options.endpoint.as_ref().map(Url::to_string).or_else(|| chain_endpoint(&shared));
        let region = shared.region().map_or(DEFAULT_REGION, AsRef::as_ref).to_owned();
        if !is_region(&region) {
            return Err(invalid_option(
                "AWS_REGION, AWS_DEFAULT_REGION or region in the profile",
                &format!("must be a region's name such as us-east-1, not {region:?}"),
            ));
        }
        if !is_plain_http(endpoint.as_deref())? {
            if let Some(made) = made {
                drop(made.await);
            }
            http.prepare_encryption()?;
        }
        let provider = credentials::checked(
            shared.credentials_provider().expect("the AWS chain is a provider of its own"),
        );
        let passports =
            Passports::new(provider, Endpoint::new(&shared, &region, endpoint.as_deref()));
        Ok(Self {
            wire: Wire { http, passports, region: region.clone() },
            get_item: Protocol::new(),
            batch_get_item: Protocol::new(),
            transact_write_items: Protocol::new(),
            region,
            endpoint,
        })
    }
}

/// An HTTP client with this one connector, whose settings are the options'.
fn always(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |_, _| connector.clone())
}

/// The endpoint that the AWS chain names: for DynamoDB in particular, or for every service.
fn chain_endpoint(shared: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("DynamoDB")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all parts are set");
    let particular = shared.service_config().and_then(|config| config.load_config(key));
    particular.or_else(|| shared.endpoint_url().map(str::to_owned))
}

fn loader(options: &Options, environment: &HashMap<String, String>) -> ConfigLoader {
    // JavaScript's process.env is not always the process's environment: Jest and worker threads
    // give their code a copy, and what is set there must count.
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).env(Env::from(environment.clone()));
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(provider) = credentials::provider(&options.credentials) {
        loader = loader.credentials_provider(provider);
    }
    loader
}

/// Whether it can be said before the AWS chain is asked that the endpoint is not encrypted.
fn is_likely_plain(options: &Options, environment: &HashMap<String, String>) -> bool {
    match &options.endpoint {
        Some(url) => url.scheme() == "http",
        None => ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]
            .iter()
            .find_map(|variable| environment.get(*variable))
            .is_some_and(|url| url.starts_with("http:")),
    }
}

fn is_plain_http(endpoint: Option<&str>) -> Result<bool, BalanceError> {
    match endpoint.map(Url::parse) {
        None => Ok(false),
        Some(Ok(url)) if url.scheme() == "http" => Ok(true),
        Some(Ok(url)) if url.scheme() == "https" => Ok(false),
        Some(_) => Err(invalid_option(
            "AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL or endpoint_url in the profile",
            "must be an http:// or https:// URL such as http://localhost:8000",
        )),
    }
}
