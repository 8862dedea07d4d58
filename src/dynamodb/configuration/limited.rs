//! The HTTP client of the AWS chain: the connections to DynamoDB serve it too, within the limits
//! that each of its sources sets.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::time::timeout;

pub fn client(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |settings, _| match settings.read_timeout() {
        Some(limit) => SharedHttpConnector::new(Limited { connector: connector.clone(), limit }),
        None => connector.clone(),
    })
}

/// Gives connection and answer, its body included, so much time together.
#[derive(Debug)]
struct Limited {
    connector: SharedHttpConnector,
    limit: Duration,
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.connector.clone();
        let limit = self.limit;
        HttpConnectorFuture::new(async move {
            match timeout(limit, exchange(connector, request)).await {
                Ok(outcome) => outcome,
                Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
            }
        })
    }
}

async fn exchange(
    connector: SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let mut response = connector.call(request).await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let bytes = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    Ok(response.map(|_| SdkBody::from(bytes.clone())))
}

#[cfg(test)]
mod tests;
