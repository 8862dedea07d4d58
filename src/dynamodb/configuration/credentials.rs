//! Where credentials come from, and what is said when none come.

use std::sync::Arc;

use aws_credential_types::Credentials as SdkCredentials;

use crate::dynamodb::configuration::chain::Chain;
use crate::dynamodb::configuration::shared_task::Interruption;
use crate::error::{BalanceError, Cause, ErrorCode};
use crate::options::credentials::{
    Credentials, CredentialsProvider, CredentialsSource, NotProvided, is_visible,
};
use crate::store::{Fault, Reason};

#[derive(Debug)]
pub enum Source {
    Fixed(SdkCredentials),
    Function {
        function: Arc<dyn CredentialsProvider>,
        /// The client's, in which it may have to ask AWS itself.
        region: String,
    },
    Chain(Box<Chain>),
}

impl Source {
    /// The caller's own; `None`: the AWS chain is asked.
    pub fn from_caller(source: &CredentialsSource, region: &str) -> Option<Self> {
        match source {
            CredentialsSource::AwsChain => None,
            CredentialsSource::Fixed(fixed) => Some(Self::Fixed(for_sdk(fixed.clone(), "options"))),
            CredentialsSource::Provider(function) => {
                Some(Self::Function { function: Arc::clone(function), region: region.to_owned() })
            }
        }
    }

    /// Whether it may give others the next time.
    pub fn is_renewable(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Function { .. } => true,
            Self::Chain(chain) => chain.is_renewable(),
        }
    }

    /// For error messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Fixed(_) => "the option credentials",
            Self::Function { .. } => "the credentials function",
            Self::Chain(chain) => chain.name(),
        }
    }

    pub async fn ask(&self) -> Result<SdkCredentials, Fault> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Function { function, region } => match function.provide(region.clone()).await {
                Ok(credentials) => Ok(for_sdk(credentials, "credentials function")),
                Err(failure) => Err(not_provided(failure)),
            },
            Self::Chain(chain) => check(chain.ask().await?).map_err(Fault::Final),
        }
    }

    /// What is said when it came to no end.
    pub fn interrupted(&self, interruption: Interruption) -> Fault {
        match interruption {
            Interruption::TimedOut(limit) => {
                let limit = limit.as_secs();
                let summary = format!("{} did not answer within {limit} s", self.name());
                Fault::NotTaken(Reason { summary, cause: None })
            }
            Interruption::Panicked => {
                Fault::Final(no_credentials(&format!("{} ended in a panic", self.name())))
            }
        }
    }
}

/// The caller's function failed.
fn not_provided(NotProvided { message, may_pass }: NotProvided) -> Fault {
    let cause = Some(Cause { name: "Error".to_owned(), message });
    let summary = "the credentials function failed".to_owned();
    if may_pass {
        Fault::NotTaken(Reason { summary, cause })
    } else {
        Fault::Final(no_credentials(&summary).caused_by(cause))
    }
}

pub fn no_credentials(what: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::NoCredentials,
        format!("No credentials: {what}. Nothing happened."),
    )
}

/// Credentials from the AWS chain, refused where a stray newline, say, would make the SDK panic.
fn check(credentials: SdkCredentials) -> Result<SdkCredentials, BalanceError> {
    let token = credentials.session_token().filter(|token| !token.is_empty());
    let parts =
        [credentials.access_key_id(), credentials.secret_access_key(), token.unwrap_or_default()];
    if !parts.into_iter().all(is_visible) {
        return Err(no_credentials(
            "those of the AWS chain contain characters other than visible ASCII ones; is there a \
             space or a newline in them?",
        ));
    }
    if token.is_none() && credentials.session_token().is_some() {
        // An empty one is none.
        let builder = SdkCredentials::builder()
            .access_key_id(credentials.access_key_id())
            .secret_access_key(credentials.secret_access_key())
            .provider_name("AWS chain");
        let builder = match credentials.account_id() {
            Some(account) => builder.account_id(account.as_str()),
            None => builder,
        };
        let mut without = builder.build();
        *without.expiry_mut() = credentials.expiry();
        return Ok(without);
    }
    Ok(credentials)
}

fn for_sdk(credentials: Credentials, provider_name: &'static str) -> SdkCredentials {
    SdkCredentials::new(
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
        credentials.expiration,
        provider_name,
    )
}
