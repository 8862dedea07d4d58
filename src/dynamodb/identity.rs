//! Who signs the requests, and where they go: both depend on the credentials, which are asked for
//! once and kept until shortly before they expire.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::identity::Identity;

use super::endpoint::Endpoint;

/// How long credentials without an expiry are kept, and how long before their expiry the others
/// are replaced. Source: the defaults of the AWS SDK for Rust's identity cache.
const LONGEST_USE: Duration = Duration::from_mins(15);
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// What a request needs to be sent.
#[derive(Debug)]
pub struct Passport {
    pub identity: Identity,
    /// The URL of DynamoDB, which may contain the account's number.
    pub url: String,
    fresh_until: SystemTime,
    expires_at: Option<SystemTime>,
}

#[derive(Debug)]
pub struct Passports {
    provider: SharedCredentialsProvider,
    endpoint: Endpoint,
    current: Mutex<Option<Arc<Passport>>>,
    /// Only one call at a time asks for credentials; the others wait for what it gets.
    renewal: tokio::sync::Mutex<()>,
}

impl Passports {
    pub fn new(provider: SharedCredentialsProvider, endpoint: Endpoint) -> Self {
        Self {
            provider,
            endpoint,
            current: Mutex::default(),
            renewal: tokio::sync::Mutex::default(),
        }
    }

    pub async fn current(&self) -> Result<Arc<Passport>, CredentialsError> {
        if let Some(passport) = self.fresh() {
            return Ok(passport);
        }
        let _renewal = self.renewal.lock().await;
        if let Some(passport) = self.fresh() {
            return Ok(passport);
        }
        match self.renew().await {
            Ok(passport) => {
                *self.held() = Some(Arc::clone(&passport));
                Ok(passport)
            }
            // The last seconds of credentials that could not be renewed count as well.
            Err(error) => self.valid().ok_or(error),
        }
    }

    async fn renew(&self) -> Result<Arc<Passport>, CredentialsError> {
        let credentials = self.provider.provide_credentials().await?;
        let account = credentials.account_id().map(|account| account.as_str().to_owned());
        let url =
            self.endpoint.url(account).await.map_err(CredentialsError::invalid_configuration)?;
        let expires_at = credentials.expiry();
        let fresh_until = expires_at.map_or_else(
            || SystemTime::now() + LONGEST_USE,
            |expiry| expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(expiry),
        );
        Ok(Arc::new(Passport { identity: credentials.into(), url, fresh_until, expires_at }))
    }

    fn fresh(&self) -> Option<Arc<Passport>> {
        let now = SystemTime::now();
        self.held().clone().filter(|passport| now < passport.fresh_until)
    }

    fn valid(&self) -> Option<Arc<Passport>> {
        let now = SystemTime::now();
        self.held().clone().filter(|it| it.expires_at.is_none_or(|expiry| now < expiry))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<Passport>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
