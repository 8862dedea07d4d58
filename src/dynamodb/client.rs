//! From options and environment to a connection with DynamoDB.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItem;
use aws_sdk_dynamodb::operation::get_item::GetItem;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItems;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};
use tokio::task::spawn_blocking;

use crate::dynamodb::admin::table::LastLook;
use crate::dynamodb::configuration::chain::{self, Chain};
use crate::dynamodb::configuration::credentials::Source;
use crate::dynamodb::configuration::endpoint::Endpoint;
use crate::dynamodb::configuration::identity_cache::IdentityCache;
use crate::dynamodb::configuration::limited;
use crate::dynamodb::configuration::metadata;
use crate::dynamodb::configuration::real_calls;
use crate::dynamodb::configuration::settings::{Profile, Settings};
use crate::dynamodb::tokens::Tokens;
use crate::dynamodb::transport::clock::Clock;
use crate::dynamodb::transport::http::Client;
use crate::dynamodb::transport::protocol::Protocol;
use crate::dynamodb::transport::wire::{self, Wire};
use crate::error::BalanceError;
use crate::options::{Deadlines, Options};
use crate::store::Fault;

/// Used when neither the options nor the AWS chain name a region.
const DEFAULT_REGION: &str = "us-east-1";

/// What nobody's call is waiting for any more is done for the next one; this much is enough for
/// a second factor to be typed in.
const MIN_PATIENCE: Duration = Duration::from_mins(1);

/// The way to DynamoDB, and what an error message says about where it leads.
#[derive(Debug)]
pub struct Connection {
    pub wire: Wire,
    pub get_item: Protocol<GetItem>,
    pub batch_get_item: Protocol<BatchGetItem>,
    pub transact_write_items: Protocol<TransactWriteItems>,
    pub tokens: Tokens,
    pub region: String,
    pub endpoint: Option<String>,
    pub last_look: LastLook,
}

impl Connection {
    pub async fn open(
        options: &Options,
        environment: &HashMap<String, String>,
        clock: Clock,
    ) -> Result<Self, Fault> {
        let profiles = chain::read_profiles(environment.clone()).await?;
        let settings = Settings { options, environment, profiles: &profiles };
        check_profile(&settings).map_err(Fault::Final)?;
        let endpoint = settings.endpoint().map_err(Fault::Final)?;
        settings.check_together(endpoint.as_ref()).map_err(Fault::Final)?;
        real_calls::check(environment, endpoint.as_ref()).map_err(Fault::Final)?;
        let is_plain = endpoint.as_ref().is_some_and(|url| url.scheme() == "http");

        let http = Client::new(environment, options.deadlines).map_err(Fault::Final)?;
        // Beside everything else, and not on the thread that carries the requests.
        let prepared = (!is_plain).then(|| {
            let http = http.clone();
            spawn_blocking(move || http.prepare_encryption())
        });
        let client = limited::client(&SharedHttpConnector::new(http.clone()));
        let region = find_region(&settings, client.clone()).await?;
        if let Some(prepared) = prepared {
            drop(prepared.await);
            http.prepare_encryption().map_err(Fault::Final)?;
        }
        let source = Source::from_caller(&options.credentials, &region).unwrap_or_else(|| {
            Source::Chain(Box::new(Chain::new(&settings, &region, client, clock.clone())))
        });
        let identities = IdentityCache::new(
            source,
            Endpoint::new(&settings, &region, endpoint.as_ref()),
            clock.clone(),
            patience(options.deadlines),
        );
        Ok(Self {
            wire: Wire {
                http,
                identities,
                clock,
                region: region.clone(),
                user_agent: wire::user_agent(options.custom_user_agent.as_deref()),
            },
            get_item: Protocol::new(),
            batch_get_item: Protocol::new(),
            transact_write_items: Protocol::new(),
            tokens: Tokens::new(),
            region,
            endpoint: endpoint.map(|url| url.to_string()),
            last_look: LastLook::default(),
        })
    }
}

/// How long the configuration and credentials may take.
pub fn patience(deadlines: Deadlines) -> Duration {
    deadlines.call.max(MIN_PATIENCE)
}

/// A profile that is asked for by the option has to exist. `AWS_PROFILE` may be left over from
/// something else, as for the AWS SDK for JavaScript.
fn check_profile(settings: &Settings<'_>) -> Result<(), BalanceError> {
    match settings.profile() {
        profile @ Profile::ByOption(_) => profile.missing(settings.profiles).map_or(Ok(()), Err),
        Profile::ByVariable(_) | Profile::Unnamed => Ok(()),
    }
}

async fn find_region(settings: &Settings<'_>, client: SharedHttpClient) -> Result<String, Fault> {
    if let Some(region) = settings.region().map_err(Fault::Final)? {
        return Ok(region);
    }
    if let Some(region) = metadata::region(settings.environment, client).await? {
        return Ok(region);
    }
    settings.check_that_no_region_was_meant().map_err(Fault::Final)?;
    Ok(DEFAULT_REGION.to_owned())
}
