//! Hands a caller's credentials to the SDK.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedToSdk;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::credentials::{Credentials, CredentialsProvider, CredentialsSource, is_visible};

/// `None`: the SDK asks the AWS chain.
pub fn provider(source: &CredentialsSource) -> Option<SharedCredentialsProvider> {
    match source {
        CredentialsSource::AwsChain => None,
        CredentialsSource::Fixed(credentials) => {
            Some(SharedCredentialsProvider::new(for_sdk(credentials.clone(), "options")))
        }
        CredentialsSource::Provider(provider) => {
            Some(SharedCredentialsProvider::new(FromCaller(provider.clone())))
        }
    }
}

/// Credentials from the AWS chain, refused where a stray newline, say, would make the SDK panic.
pub fn checked(chain: SharedCredentialsProvider) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Checked(chain))
}

#[derive(Debug)]
struct Checked(SharedCredentialsProvider);

impl ProvideCredentials for Checked {
    fn provide_credentials<'a>(&'a self) -> ProvidedToSdk<'a>
    where
        Self: 'a,
    {
        ProvidedToSdk::new(async {
            let credentials = self.0.provide_credentials().await?;
            let parts = [
                credentials.access_key_id(),
                credentials.secret_access_key(),
                credentials.session_token().unwrap_or_default(),
            ];
            if parts.into_iter().all(is_visible) {
                Ok(credentials)
            } else {
                Err(CredentialsError::invalid_configuration(
                    "the credentials contain characters other than visible ASCII ones; is there a \
                     space or a newline in them?",
                ))
            }
        })
    }
}

#[derive(Debug)]
struct FromCaller(std::sync::Arc<dyn CredentialsProvider>);

impl ProvideCredentials for FromCaller {
    fn provide_credentials<'a>(&'a self) -> ProvidedToSdk<'a>
    where
        Self: 'a,
    {
        ProvidedToSdk::new(async {
            match self.0.provide().await {
                Ok(credentials) => Ok(for_sdk(credentials, "credentials function")),
                Err(complaint) => Err(CredentialsError::provider_error(complaint)),
            }
        })
    }
}

fn for_sdk(
    credentials: Credentials,
    provider_name: &'static str,
) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.expiration,
        provider_name,
    )
}
