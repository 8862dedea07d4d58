//! The AWS chain: environment, profile, SSO, web identity, ECS, EC2 metadata, in the order of the
//! AWS SDK for JavaScript. The environment counts where no profile is named.

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_types::os_shim_internal::Env;
use tokio::task::spawn_blocking;

use crate::dynamodb::configuration::credentials::no_credentials;
use crate::dynamodb::configuration::profiles::{self, Preferred, Profiles};
use crate::dynamodb::configuration::settings::{Profile, Settings, variable};
use crate::dynamodb::fault;
use crate::dynamodb::transport::clock::Clock;
use crate::options::Options;
use crate::store::{Fault, Reason};

const WHOLE_CHAIN: &str =
    "the AWS chain (environment, profile, SSO, web identity, ECS, EC2 metadata)";

/// Where the environment has credentials. The chain of the SDK for Rust would take them although
/// a profile is named.
const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const METADATA_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

#[derive(Debug)]
pub struct Chain {
    options: Options,
    environment: HashMap<String, String>,
    region: String,
    client: SharedHttpClient,
    clock: Clock,
    name: String,
}

impl Chain {
    pub fn new(
        settings: &Settings<'_>,
        region: &str,
        client: SharedHttpClient,
        clock: Clock,
    ) -> Self {
        Self {
            options: settings.options.clone(),
            environment: settings.environment.clone(),
            region: region.to_owned(),
            client,
            clock,
            name: name(settings),
        }
    }

    /// For error messages: as much of it as matters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may give others the next time. The environment is that of the client's making.
    pub fn is_renewable(&self) -> bool {
        Profile::choose(&self.options, &self.environment) != Profile::Unnamed
            || from_environment(&self.environment).is_none()
    }

    /// Reads the files anew: whoever replaces credentials there expects that they are used.
    pub async fn ask(&self) -> Result<Credentials, Fault> {
        let profile = Profile::choose(&self.options, &self.environment);
        if profile == Profile::Unnamed
            && let Some(credentials) = from_environment(&self.environment)
        {
            return Ok(credentials);
        }
        let profiles = read_profiles(self.environment.clone()).await?;
        let missing = profile.missing(&profiles);
        if let (Profile::ByOption(_), Some(missing)) = (profile, &missing) {
            return Err(Fault::Final(missing.clone()));
        }
        let config = self.loader(&profiles, profile).load().await;
        let provider =
            config.credentials_provider().expect("the AWS chain is a provider of its own");
        provider.provide_credentials().await.map_err(|error| {
            let hint = missing.map(|missing| missing.message);
            self.explain(
                &error,
                hint.as_deref().or(profiles.passed_over.first().map(String::as_str)),
            )
        })
    }

    fn loader(&self, profiles: &Profiles, profile: Profile<'_>) -> ConfigLoader {
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, profiles.to_config_file(&self.environment))
            .build();
        aws_config::defaults(BehaviorVersion::latest())
            .env(Env::from(without_own_credentials(&self.environment)))
            .profile_files(files)
            .profile_name(profile.name())
            .region(Region::new(self.region.clone()))
            .retry_config(RetryConfig::standard())
            .http_client(self.client.clone())
            .time_source(self.clock.clone())
    }

    fn explain(&self, error: &CredentialsError, hint: Option<&str>) -> Fault {
        let cause = fault::deepest_cause(error);
        if is_scarcity(error) {
            let summary = format!("{} could not be asked: {}", self.name, cause.message);
            return Fault::NotTaken(Reason { summary, cause: Some(cause) });
        }
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        let what = match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                format!("neither the options nor {WHOLE_CHAIN} gave any{hint}")
            }
            _ => format!("{} failed: {}{hint}", self.name, cause.message.trim()),
        };
        Fault::Final(no_credentials(&what).caused_by(Some(cause)))
    }
}

/// Both files, read beside the thread that carries the requests.
pub async fn read_profiles(environment: HashMap<String, String>) -> Result<Profiles, Fault> {
    let read = spawn_blocking(move || Profiles::read(&environment)).await;
    read.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|error| {
        let summary = format!("the AWS configuration files could not be read: {error}");
        Fault::NotTaken(Reason { summary, cause: None })
    })
}

fn name(settings: &Settings<'_>) -> String {
    let profile = settings.profile();
    if profile == Profile::Unnamed && from_environment(settings.environment).is_some() {
        return "the environment".to_owned();
    }
    let has = |property| {
        settings.profiles.get(profile.name(), property, Preferred::Credentials).is_some()
    };
    let what = if has("role_arn") {
        "role"
    } else if has("credential_process") {
        "credential_process"
    } else if has("sso_session") || has("sso_start_url") {
        "SSO"
    } else {
        return WHOLE_CHAIN.to_owned();
    };
    format!("the {what} of the profile {:?}", profile.name())
}

fn from_environment(environment: &HashMap<String, String>) -> Option<Credentials> {
    let mut builder = Credentials::builder()
        .access_key_id(variable(environment, ACCESS_KEY_ID)?)
        .secret_access_key(variable(environment, SECRET_ACCESS_KEY)?)
        .provider_name("environment");
    builder.set_session_token(variable(environment, SESSION_TOKEN).map(str::to_owned));
    if let Some(account) = variable(environment, "AWS_ACCOUNT_ID") {
        builder = builder.account_id(account);
    }
    let mut credentials = builder.build();
    let expiry = variable(environment, "AWS_CREDENTIAL_EXPIRATION");
    *credentials.expiry_mut() = expiry.and_then(|expiry| {
        let expiry = DateTime::from_str(expiry, Format::DateTimeWithOffset).ok()?;
        SystemTime::try_from(expiry).ok()
    });
    Some(credentials)
}

/// What is left of the environment for the other sources.
fn without_own_credentials(environment: &HashMap<String, String>) -> HashMap<String, String> {
    let mut rest: HashMap<String, String> = environment
        .iter()
        .filter(|(name, value)| {
            let is_own = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN];
            !value.is_empty() && !is_own.contains(&name.as_str())
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // The SDK for Rust knows one word for it, the one for JavaScript every word but "false".
    if is_metadata_disabled(environment) {
        rest.insert(METADATA_DISABLED.to_owned(), "true".to_owned());
    } else {
        rest.remove(METADATA_DISABLED);
    }
    rest
}

pub fn is_metadata_disabled(environment: &HashMap<String, String>) -> bool {
    variable(environment, METADATA_DISABLED).is_some_and(|value| value != "false")
}

/// No descriptor for a connection, no process for a `credential_process`: another time, then.
fn is_scarcity(error: &CredentialsError) -> bool {
    fault::find_source(error).is_some_and(profiles::may_pass)
}

#[cfg(test)]
mod tests;
