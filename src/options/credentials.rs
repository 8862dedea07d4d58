//! AWS credentials that a caller hands over instead of leaving them to the AWS chain.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::value::Value;

/// One set of credentials. Its `Debug` output never shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub expiration: Option<SystemTime>,
}

/// The fields of a credentials object as they arrived; `expiration` in milliseconds since 1970.
pub struct UncheckedCredentials {
    pub access_key_id: Value,
    pub secret_access_key: Value,
    pub session_token: Value,
    pub expiration: Value,
}

impl Credentials {
    /// Complains in words that never include a value.
    pub fn validate(unchecked: UncheckedCredentials) -> Result<Self, String> {
        Ok(Self {
            access_key_id: required("accessKeyId", unchecked.access_key_id)?,
            secret_access_key: required("secretAccessKey", unchecked.secret_access_key)?,
            session_token: match unchecked.session_token {
                Value::Undefined => None,
                // What a variable of the environment says that is set to nothing.
                Value::Text(text) if text.is_empty() => None,
                present => Some(required("sessionToken", present)?),
            },
            expiration: match unchecked.expiration {
                Value::Undefined => None,
                Value::Number(milliseconds) => Some(instant(milliseconds)?),
                other => {
                    return Err(format!(
                        "credentials.expiration must be a Date, not {}",
                        other.kind()
                    ));
                }
            },
        })
    }
}

fn required(field: &str, value: Value) -> Result<String, String> {
    match value {
        Value::Text(text) if text.is_empty() => {
            Err(format!("credentials.{field} must not be empty"))
        }
        Value::Text(text) if !is_visible(&text) => Err(format!(
            "credentials.{field} must be visible ASCII characters only; is there a space or a \
             newline in it?"
        )),
        Value::Text(text) => Ok(text),
        Value::MalformedText => Err(format!("credentials.{field} must be well-formed Unicode")),
        other => Err(format!("credentials.{field} must be a string, not {}", other.kind())),
    }
}

/// Whether a text can travel in an HTTP header, which is where credentials go.
pub fn is_visible(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_graphic())
}

fn instant(milliseconds: f64) -> Result<SystemTime, String> {
    Duration::try_from_secs_f64(milliseconds / 1000.0)
        .ok()
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .ok_or_else(|| "credentials.expiration must be a valid Date after 1970".to_owned())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(hidden)")
    }
}

/// Why a provider gave no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotProvided {
    /// In words.
    pub message: String,
    /// Whether asking again may help.
    pub may_pass: bool,
}

/// A future that a `CredentialsProvider` returns.
pub type ProvidedCredentials<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, NotProvided>> + Send + 'a>>;

/// Whoever can be asked for credentials, whenever the last ones have expired.
pub trait CredentialsProvider: fmt::Debug + Send + Sync {
    /// `region`: that of the client.
    fn provide(&self, region: String) -> ProvidedCredentials<'_>;
}

/// Where a client's credentials come from.
#[derive(Clone, Debug)]
pub enum CredentialsSource {
    /// Environment, profile, SSO, web identity, ECS, EC2 metadata.
    AwsChain,
    Fixed(Credentials),
    Provider(Arc<dyn CredentialsProvider>),
}

#[cfg(test)]
mod tests;
