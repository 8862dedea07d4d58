//! HTTP to DynamoDB: connections that are kept alive, encrypted or not. HTTP/1.1 alone, which is
//! what DynamoDB speaks.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tower_service::Service;

use super::certificates;
use crate::error::BalanceError;

/// For an endpoint on this machine, say. No trust store is read for it.
pub fn plain(connect_timeout: Duration) -> SharedHttpConnector {
    SharedHttpConnector::new(Http::new(RootCertStore::empty(), connect_timeout))
}

/// For everything else. Made on first use, because reading the trust store takes milliseconds.
#[derive(Clone)]
pub struct Secure(Arc<LazyLock<Result<Http, BalanceError>, Make>>);

type Make = Box<dyn FnOnce() -> Result<Http, BalanceError> + Send>;

impl Secure {
    pub fn new(environment: &HashMap<String, String>, connect_timeout: Duration) -> Self {
        let environment = environment.clone();
        Self(Arc::new(LazyLock::new(Box::new(move || {
            let extra = certificates::extra(&environment)?;
            Ok(Http::new(certificates::trusted(extra), connect_timeout))
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
            Ok(http) => http.call(request),
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

/// hyper's client with its pool of connections, as the SDK wants one.
#[derive(Debug)]
struct Http {
    client: Client<Connect, SdkBody>,
}

impl Http {
    fn new(trusted: RootCertStore, connect_timeout: Duration) -> Self {
        let mut tcp = TcpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Connect { inner, limit: connect_timeout });
        Self { client }
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let answer = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Makes connections, encryption included, within a limit.
#[derive(Clone, Debug)]
struct Connect {
    inner: HttpsConnector<TcpConnector>,
    limit: Duration,
}

impl Service<Uri> for Connect {
    type Response = <HttpsConnector<TcpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connection = timeout(self.limit, self.inner.call(uri));
        let complaint = format!("no connection within {:?}", self.limit);
        Box::pin(async move {
            match connection.await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, complaint).into()),
            }
        })
    }
}
