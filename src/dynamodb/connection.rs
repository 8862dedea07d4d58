//! From options and environment to a client of DynamoDB.

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::Provider as TlsProvider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient, http_client_fn};
use aws_types::os_shim_internal::Env;
use aws_types::service_config::ServiceConfigKey;
use url::Url;

use super::{certificates, credentials};
use crate::error::BalanceError;
use crate::options::{Options, invalid_option, is_region};

/// Used when neither the options nor the AWS chain name a region.
const DEFAULT_REGION: &str = "us-east-1";

/// A client of DynamoDB, and what an error message says about where it points.
#[derive(Debug)]
pub struct Connection {
    pub client: Client,
    pub region: String,
    pub endpoint: Option<String>,
}

impl Connection {
    pub async fn open(
        options: &Options,
        environment: &HashMap<String, String>,
    ) -> Result<Self, BalanceError> {
        let https = https_client(environment)?;
        let shared = loader(options, environment).http_client(https).load().await;
        let endpoint =
            options.endpoint.as_ref().map(Url::to_string).or_else(|| chain_endpoint(&shared));
        let region = shared.region().map_or(DEFAULT_REGION, AsRef::as_ref).to_owned();
        if !is_region(&region) {
            return Err(invalid_option(
                "AWS_REGION, AWS_DEFAULT_REGION or region in the profile",
                &format!("must be a region's name such as us-east-1, not {region:?}"),
            ));
        }
        let mut config = aws_sdk_dynamodb::config::Builder::from(&shared)
            .region(Region::new(region.clone()))
            // The retry loop is the ledger's: it knows what an unanswered attempt can have done.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(options.deadlines.connect).build(),
            )
            // Every attempt has a deadline of its own, which covers a stalled answer.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(endpoint.clone());
        if let Some(chain) = shared.credentials_provider() {
            config.set_credentials_provider(Some(credentials::checked(chain)));
        }
        if is_plain_http(endpoint.as_deref())? {
            // Reading trust stores for a connection that is not encrypted costs start-up time.
            config.set_http_client(Some(HttpClientBuilder::new().build_http()));
        }
        Ok(Self { client: Client::from_conf(config.build()), region, endpoint })
    }
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

/// Reads the trust store on first use: credentials that need no HTTPS should not wait for it.
fn https_client(environment: &HashMap<String, String>) -> Result<SharedHttpClient, BalanceError> {
    let extra = certificates::extra(environment)?;
    let client = LazyLock::new(move || {
        HttpClientBuilder::new()
            .tls_provider(TlsProvider::Rustls(CryptoMode::AwsLc))
            .tls_context(certificates::trust(&extra))
            .build_https()
    });
    Ok(http_client_fn(move |settings, components| client.http_connector(settings, components)))
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
