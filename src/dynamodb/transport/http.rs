//! HTTP to DynamoDB: connections that are kept alive, encrypted or not. HTTP/1.1 alone, which is
//! what DynamoDB speaks.
//!
//! hyper speaks it; the connections are kept here and not by a pool of hyper's, because of what is
//! promised about money: a request is told from one that never left, and what was given up must
//! not be delivered later.

mod connect;
mod encryption;
mod exchange;
mod idle;
mod listener;
mod lookup;
mod proxy;
mod socket;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::Request;

use self::connect::Connector;
use self::exchange::{Answer, Connection, Failure};
use self::idle::IdleConnections;
pub use self::listener::NobodyListens;
use crate::error::BalanceError;
use crate::options::Deadlines;
use crate::store::SendGate;

/// Sends requests over connections that it makes and keeps.
#[derive(Clone, Debug)]
pub struct Client(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    connector: Connector,
    idle: Arc<IdleConnections>,
}

impl Client {
    /// `environment` names the proxies and certificate authorities.
    pub fn new(
        environment: &HashMap<String, String>,
        deadlines: Deadlines,
    ) -> Result<Self, BalanceError> {
        Ok(Self(Arc::new(Parts {
            connector: Connector::new(environment, deadlines)?,
            idle: Arc::new(IdleConnections::new(deadlines.attempt)),
        })))
    }

    /// Gets ready for encryption, unless that is done. Blocks for milliseconds.
    pub fn prepare_encryption(&self) -> Result<(), BalanceError> {
        self.0.connector.encryption().prepare().map(|_| ())
    }

    /// Sends a request and reads its answer in full. The gate is asked with a connection at hand,
    /// directly before the first byte.
    pub async fn send(
        &self,
        request: Request<SdkBody>,
        gate: &SendGate,
    ) -> Result<HttpResponse, ConnectorError> {
        let target = connect::Target::of(request.uri()).map_err(ConnectorError::user)?;
        self.exchange(request, &target, gate).await
    }

    async fn exchange(
        &self,
        mut request: Request<SdkBody>,
        target: &connect::Target,
        gate: &SendGate,
    ) -> Result<HttpResponse, ConnectorError> {
        let uri = request.uri().clone();
        loop {
            let kept = self.0.idle.take(target).await;
            let was_kept = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                // In a box: it is large, and seldom needed.
                None => Box::pin(self.0.connector.open(target)).await.map_err(unsent)?,
            };
            if !gate.pass() {
                self.0.idle.keep(target, connection);
                return Err(unsent(Unsent::new("the attempt was called back")));
            }
            connection.address(&mut request, &uri);
            match self.converse(target, connection, request).await {
                Ok(answer) => return read_answer(answer),
                // The server had closed the connection: another one will do. Each of those kept is
                // tried once at most, and a fresh one is the last.
                Err(Failure::GivenBack(returned)) if was_kept => request = *returned,
                Err(Failure::GivenBack(_)) => {
                    return Err(unsent(Unsent::new("the server closes every connection at once")));
                }
                Err(Failure::Lost(error)) => return Err(ConnectorError::io(error.into())),
                Err(Failure::Unreadable(error)) => {
                    return Err(ConnectorError::other(Unreadable(error).into(), None));
                }
            }
        }
    }

    /// Sends a request over one connection, which is kept if that went well. If it did not, or if
    /// this is dropped, it is closed at once: its request must not be delivered later.
    async fn converse(
        &self,
        target: &connect::Target,
        mut connection: Connection,
        request: Request<SdkBody>,
    ) -> Result<Answer, Failure> {
        let mut suspicion = self.0.idle.suspect(target);
        let outcome = connection.exchange(request).await;
        match &outcome {
            Ok(_) => {
                suspicion.dispel();
                self.0.idle.keep(target, connection);
            }
            Err(Failure::GivenBack(_)) => suspicion.dispel(),
            Err(Failure::Lost(_) | Failure::Unreadable(_)) => suspicion.confirm(),
        }
        outcome
    }
}

/// As the SDK wants a client, for those who fetch credentials.
impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clone();
        HttpConnectorFuture::new(async move {
            let request: Request<SdkBody> =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let target = connect::Target::of(request.uri()).map_err(ConnectorError::user)?;
            client.exchange(request, &target.harmless(), &SendGate::default()).await
        })
    }
}

fn read_answer(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(answer.map(SdkBody::from))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// No byte of the request went out.
#[derive(Debug)]
pub struct Unsent {
    summary: String,
    cause: Option<BoxError>,
}

impl Unsent {
    fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), cause: None }
    }

    pub fn because(summary: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self { summary: summary.into(), cause: Some(cause.into()) }
    }

    /// Whether nobody listens where it was to be sent to.
    fn is_refusal(&self) -> bool {
        let cause = self.cause.as_ref().and_then(|cause| cause.downcast_ref::<io::Error>());
        cause.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary)
    }
}

impl Error for Unsent {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn unsent(error: Unsent) -> ConnectorError {
    ConnectorError::io(error.into())
}

/// An answer began, and could not be read to its end.
#[derive(Debug)]
pub struct Unreadable(pub BoxError);

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an answer could not be read to its end")
    }
}

impl Error for Unreadable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

#[cfg(test)]
mod tests;
