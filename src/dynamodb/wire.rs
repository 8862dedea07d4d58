//! One request to DynamoDB and its answer: signed by the SDK's signer, carried by
//! hyper. What the SDK does around that for every request (retries, plug-ins, interceptors,
//! endpoint rules) costs several times as much as the request; here it is done once per client or
//! not at all, because the lanes decide about retries.

use std::convert::Infallible;
use std::time::SystemTime;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::error::{BoxError, SdkError};
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use super::genuine;
use super::http::Client;
use super::identity::{Passport, Passports};
use super::protocol::{Operation, Protocol};
use crate::store::SendGate;

/// Tells AWS, in its logs, who is asking.
const USER_AGENT: &str = concat!("dynamodb-balance/", env!("CARGO_PKG_VERSION"));

#[derive(Debug)]
pub struct Wire {
    pub http: Client,
    pub passports: Passports,
    pub region: String,
}

impl Wire {
    /// Sends a composed request, once.
    pub async fn send<O: Operation>(
        &self,
        protocol: &Protocol<O>,
        request: HttpRequest,
        gate: &SendGate,
    ) -> Result<O::Output, SdkError<O::Error>> {
        match self.exchange(request, gate).await {
            Ok(response) => match genuine::check::<O>(&response) {
                Ok(()) => protocol.read(response),
                Err(foreign) => Err(SdkError::response_error(foreign, response)),
            },
            Err(error) => Err(error.map_service_error(|never| match never {})),
        }
    }

    /// What is the same for all operations. Apart, because it would be compiled for each of them.
    async fn exchange(
        &self,
        mut request: HttpRequest,
        gate: &SendGate,
    ) -> Result<HttpResponse, SdkError<Infallible>> {
        let passport = self.passports.current().await.map_err(SdkError::construction_failure)?;
        self.address(&mut request, &passport).map_err(SdkError::construction_failure)?;
        self.http.send(request, gate).await.map_err(SdkError::dispatch_failure)
    }

    /// Gives a request its endpoint and its signature.
    fn address(&self, request: &mut HttpRequest, passport: &Passport) -> Result<(), BoxError> {
        request.uri_mut().set_endpoint(&passport.url)?;
        request.headers_mut().try_insert("user-agent", USER_AGENT)?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Double;
        let parameters = v4::SigningParams::builder()
            .identity(&passport.identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
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
