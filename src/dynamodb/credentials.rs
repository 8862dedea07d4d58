//! Hands a caller's credentials to the SDK.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedToSdk;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::credentials::{Credentials, CredentialsProvider, CredentialsSource};

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
