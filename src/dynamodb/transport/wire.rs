//! One request to DynamoDB and its answer, carried by hyper. What the SDK does around that for every request (retries, plug-ins, interceptors,
//! endpoint rules) costs several times as much as the request; here it is done once per client or
//! not at all, because the lanes decide about retries.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BoxError, SdkError};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request};
use tokio::time::Instant;

use crate::dynamodb::configuration::identity_cache::{IdentityCache, SignAgain, SigningContext};
use crate::dynamodb::fault;
use crate::dynamodb::transport::clock::Clock;
use crate::dynamodb::transport::genuine;
use crate::dynamodb::transport::http::Client;
use crate::dynamodb::transport::observation::Observation;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::dynamodb::transport::signature;
use crate::store::SendGate;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Tells AWS, in its logs, who is asking.
const PRODUCT: &str = concat!("dynamodb-balance/", env!("CARGO_PKG_VERSION"));

/// The same, with what the caller adds, which was checked with the other options.
pub fn user_agent(custom: Option<&str>) -> HeaderValue {
    custom
        .and_then(|custom| HeaderValue::from_str(&format!("{PRODUCT} {custom}")).ok())
        .unwrap_or(HeaderValue::from_static(PRODUCT))
}

#[derive(Debug)]
pub struct Wire {
    pub http: Client,
    pub identities: IdentityCache,
    pub clock: Clock,
    pub region: String,
    pub user_agent: HeaderValue,
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
    /// Sends a request, once.
    pub async fn send<O: Operation>(
        &self,
        protocol: &Protocol<O>,
        body: String,
        gate: &SendGate,
    ) -> Result<O::Output, SdkError<O::Error>> {
        let mut observation = Observation::of(gate, O::NAME);
        // In a place of its own: it would make every future around it as large.
        let exchange = Box::pin(self.exchange(O::TARGET, body, gate, &mut observation)).await;
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
        target: &'static str,
        body: String,
        gate: &SendGate,
        observation: &mut Observation<'_>,
    ) -> Result<(HttpResponse, Signature), SdkError<Infallible>> {
        let signing_context =
            self.identities.current().await.map_err(SdkError::construction_failure)?;
        let instant = Instant::now();
        let time = self.clock.at(instant);
        let trace = gate.journal().trace();
        let request = self
            .request(target, body, trace.as_deref(), &signing_context, time)
            .map_err(SdkError::construction_failure)?;
        observation.begin(&signing_context.url, &self.region, instant);
        match self.http.send(request, gate).await {
            Ok(response) => Ok((response, Signature { signing_context, instant, time })),
            Err(error) => Err(misdirected(error, &signing_context)),
        }
    }

    /// The request, signed. Source: Amazon DynamoDB Developer Guide, "DynamoDB low-level API".
    fn request(
        &self,
        target: &'static str,
        body: String,
        trace: Option<&str>,
        signing_context: &SigningContext,
        time: SystemTime,
    ) -> Result<Request<SdkBody>, BoxError> {
        let SigningContext { signer, uri, .. } = signing_context;
        let signature = signer.sign(target, body.as_bytes(), time)?;
        let length = HeaderValue::from(body.len());
        let mut request = Request::new(SdkBody::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.reserve(9);
        headers.insert(HOST, signer.host().clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(signature::CONTENT_TYPE));
        headers.insert(CONTENT_LENGTH, length);
        headers.insert(X_AMZ_TARGET, HeaderValue::from_static(target));
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(X_AMZ_DATE, signature.date);
        if let Some(session_token) = signer.session_token() {
            headers.insert(X_AMZ_SECURITY_TOKEN, session_token.clone());
        }
        headers.insert(AUTHORIZATION, signature.authorization);
        if let Some(trace) = trace {
            headers.insert(X_AMZN_TRACE_ID, HeaderValue::from_str(trace)?);
        }
        Ok(request)
    }
}

fn misdirected(error: ConnectorError, signing_context: &SigningContext) -> SdkError<Infallible> {
    let place = Arc::clone(&signing_context.place);
    SdkError::dispatch_failure(ConnectorError::io(Misdirected { place, error }.into()))
}
