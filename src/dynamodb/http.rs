//! The SDK's HTTP client: connections that are kept alive, encrypted or not.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider as TlsProvider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::certificates;
use crate::error::BalanceError;

/// For an endpoint on this machine, say. No trust store is read for it.
pub fn plain(connect_timeout: Duration) -> SharedHttpConnector {
    let settings = settings(connect_timeout);
    SharedHttpConnector::new(Connector::builder().connector_settings(settings).build_http())
}

/// For everything else. Made on first use, because reading the trust store takes milliseconds.
#[derive(Clone)]
pub struct Secure(Arc<LazyLock<Result<Connector, BalanceError>, Make>>);

type Make = Box<dyn FnOnce() -> Result<Connector, BalanceError> + Send>;

impl Secure {
    pub fn new(environment: &HashMap<String, String>, connect_timeout: Duration) -> Self {
        let environment = environment.clone();
        Self(Arc::new(LazyLock::new(Box::new(move || {
            Ok(Connector::builder()
                .connector_settings(settings(connect_timeout))
                .tls_provider(TlsProvider::Rustls(CryptoMode::Ring))
                .tls_context(certificates::trust(&certificates::extra(&environment)?))
                .build())
        }))))
    }

    /// Makes it, unless that is done. Blocks for milliseconds.
    pub fn make(&self) -> Result<(), BalanceError> {
        LazyLock::force(&self.0).as_ref().map(|_| ()).map_err(Clone::clone)
    }
}

impl HttpConnector for Secure {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match &**self.0 {
            Ok(connector) => connector.call(request),
            Err(error) => {
                HttpConnectorFuture::ready(Err(ConnectorError::user(error.message.clone().into())))
            }
        }
    }
}

impl fmt::Debug for Secure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secure")
    }
}

fn settings(connect_timeout: Duration) -> HttpConnectorSettings {
    HttpConnectorSettings::builder().connect_timeout(connect_timeout).build()
}
