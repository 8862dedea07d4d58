//! The settings of TLS, made on first use, because reading the trust store takes milliseconds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::ring;
use tokio::task::spawn_blocking;

use crate::dynamodb::transport::certificates;
use crate::error::{BalanceError, Cause, ErrorCode};

#[derive(Clone)]
pub struct Encryption(Arc<Parts>);

struct Parts {
    environment: HashMap<String, String>,
    /// A failure is not kept: the file may be there next time, or a descriptor to read it.
    settings: Mutex<Option<Arc<ClientConfig>>>,
}

impl Encryption {
    pub fn new(environment: &HashMap<String, String>) -> Self {
        let parts = Parts { environment: environment.clone(), settings: Mutex::default() };
        Self(Arc::new(parts))
    }

    /// Makes them, unless that is done. Blocks for milliseconds.
    pub fn prepare(&self) -> Result<Arc<ClientConfig>, BalanceError> {
        let mut settings = self.0.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = &*settings {
            return Ok(Arc::clone(settings));
        }
        let made = Arc::new(self.0.make()?);
        *settings = Some(Arc::clone(&made));
        Ok(made)
    }

    pub async fn settings(&self) -> Result<Arc<ClientConfig>, String> {
        if let Ok(settings) = self.0.settings.try_lock()
            && let Some(settings) = &*settings
        {
            return Ok(Arc::clone(settings));
        }
        let encryption = self.clone();
        match spawn_blocking(move || encryption.prepare()).await {
            Ok(outcome) => outcome.map_err(|error| error.message),
            Err(_ended) => Err("the trust store could not be read".to_owned()),
        }
    }
}

impl Parts {
    fn make(&self) -> Result<ClientConfig, BalanceError> {
        let extra = certificates::extra(&self.environment)?;
        let trusted = certificates::trusted(extra).map_err(|error| {
            let cause = Cause { name: "Error".to_owned(), message: error.to_string() };
            BalanceError::new(
                ErrorCode::NothingHappened,
                "Nothing happened: the system's trust store could not be read. Calling again is \
                 safe.",
            )
            .caused_by(Some(cause))
        })?;
        Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3")
            .with_root_certificates(trusted)
            .with_no_client_auth())
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryption")
    }
}
