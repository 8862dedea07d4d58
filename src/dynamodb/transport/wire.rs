//! One request to DynamoDB and its answer: signed by the SDK's signer, carried by
//! hyper. What the SDK does around that for every request (retries, plug-ins, interceptors,
//! endpoint rules) costs several times as much as the request; here it is done once per client or
//! not at all, because the lanes decide about retries.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::error::{BoxError, SdkError};
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::Instant;

use crate::dynamodb::configuration::identity_cache::{IdentityCache, SignAgain, SigningContext};
use crate::dynamodb::fault;
use crate::dynamodb::transport::clock::Clock;
use crate::dynamodb::transport::genuine;
use crate::dynamodb::transport::http::Client;
use crate::dynamodb::transport::observation::Observation;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::store::SendGate;

/// Tells AWS, in its logs, who is asking.
const USER_AGENT: &str = concat!("dynamodb-balance/", env!("CARGO_PKG_VERSION"));

/// The same, with what the caller adds.
pub fn user_agent(custom: Option<&str>) -> String {
    custom.map_or_else(|| USER_AGENT.to_owned(), |custom| format!("{USER_AGENT} {custom}"))
}

#[derive(Debug)]
pub struct Wire {
    pub http: Client,
    pub identities: IdentityCache,
    pub clock: Clock,
    pub region: String,
    pub user_agent: String,
}

/// By whom and when a request was signed.
struct Signature {
    signing_context: Arc<SigningContext>,
    instant: Instant,
    time: SystemTime,
}

/// What went wrong on the way to a place, which may be the wrong one.
#[derive(Debug)]
pub struct Misdirected {
    place: Arc<str>,
    error: ConnectorError,
}

impl fmt::Display for Misdirected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, " ({})", self.place)
    }
}

impl Error for Misdirected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl Wire {
    /// Sends a composed request, once.
    pub async fn send<O: Operation>(
        &self,
        protocol: &Protocol<O>,
        request: HttpRequest,
        gate: &SendGate,
    ) -> Result<O::Output, SdkError<O::Error>> {
        let mut observation = Observation::of(gate, O::NAME);
        // In a place of its own: it would make every future around it as large.
        let exchange = Box::pin(self.exchange(request, gate, &mut observation)).await;
        let (response, signature) = exchange.map_err(|error| {
            observation.failed(&error, None);
            error.map_service_error(|never| match never {})
        })?;
        if let Err(foreign) = genuine::check::<O>(&response) {
            let error = SdkError::response_error(foreign, response);
            observation.failed(&error, None);
            return Err(error);
        }
        observation.answered(&response);
        self.clock.observe(&response, signature.instant);
        protocol.read(response).map_err(|error| {
            observation.failed(&error, fault::code(&error));
            match fault::code(&error) {
                Some(code) if self.is_worth_signing_again(code, &signature) => {
                    SdkError::construction_failure(SignAgain { code: code.to_owned() })
                }
                _ => error,
            }
        })
    }

    /// Whether a request was refused for a signature that would be another one now: by the right
    /// time, or by other credentials.
    fn is_worth_signing_again(&self, code: &str, signature: &Signature) -> bool {
        let Signature { signing_context, instant, time } = signature;
        fault::CREDENTIALS_REJECTED.contains(&code)
            && (self.clock.was_corrected_since(*instant, *time)
                || self.identities.reject(signing_context))
    }

    /// What is the same for all operations. Apart, because it would be compiled for each of them.
    async fn exchange(
        &self,
        mut request: HttpRequest,
        gate: &SendGate,
        observation: &mut Observation<'_>,
    ) -> Result<(HttpResponse, Signature), SdkError<Infallible>> {
        let signing_context =
            self.identities.current().await.map_err(SdkError::construction_failure)?;
        let instant = Instant::now();
        let time = self.clock.at(instant);
        self.address(&mut request, &signing_context, time)
            .map_err(SdkError::construction_failure)?;
        if let Some(trace) = gate.journal().trace() {
            request
                .headers_mut()
                .try_insert("x-amzn-trace-id", trace.to_string())
                .map_err(SdkError::construction_failure)?;
        }
        observation.begin(&signing_context.url, &self.region, instant);
        match self.http.send(request, gate).await {
            Ok(response) => Ok((response, Signature { signing_context, instant, time })),
            Err(error) => Err(misdirected(error, &signing_context)),
        }
    }

    /// Gives a request its endpoint and its signature.
    fn address(
        &self,
        request: &mut HttpRequest,
        signing_context: &SigningContext,
        time: SystemTime,
    ) -> Result<(), BoxError> {
        request.uri_mut().set_endpoint(&signing_context.url)?;
        request.headers_mut().try_insert("user-agent", self.user_agent.clone())?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Double;
        let parameters = v4::SigningParams::builder()
            .identity(&signing_context.identity)
            .region(&self.region)
            .name("dynamodb")
            .time(time)
            .settings(settings)
            .build()?
            .into();
        let body = request.body().bytes().ok_or("the request has a body in memory")?;
        let signable = SignableRequest::new(
            request.method(),
            request.uri(),
            request.headers().iter(),
            SignableBody::Bytes(body),
        )?;
        let (headers, _) = sign(signable, &parameters)?.into_parts().0.into_parts();
        for header in headers {
            request.headers_mut().try_insert(header.name(), header.value().to_owned())?;
        }
        Ok(())
    }
}

fn misdirected(error: ConnectorError, signing_context: &SigningContext) -> SdkError<Infallible> {
    let place = Arc::clone(&signing_context.place);
    SdkError::dispatch_failure(ConnectorError::io(Misdirected { place, error }.into()))
}
