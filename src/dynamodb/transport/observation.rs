//! Notes down each request and its answer in the journal of its attempt.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use tokio::time::Instant;
use url::Url;

use crate::dynamodb::fault::find_source;
use crate::dynamodb::transport::genuine::Foreign;
use crate::dynamodb::transport::http::{NobodyListens, Unreadable, Unsent};
use crate::store::{Exchange, SendGate, Server};

/// A request under way. It is noted down when this is dropped: a request can be given up at any time.
pub struct Observation<'a> {
    gate: &'a SendGate,
    operation: &'static str,
    is_observed: bool,
    exchange: Option<Exchange>,
}

impl<'a> Observation<'a> {
    pub fn of(gate: &'a SendGate, operation: &'static str) -> Self {
        let is_observed = gate.journal().is_observed();
        Self { gate, operation, is_observed, exchange: None }
    }

    /// The request is on its way.
    pub fn begin(&mut self, url: &str, region: &str, now: Instant) {
        self.exchange = Some(Exchange {
            operation: self.operation,
            server: self.is_observed.then(|| server(url, region)),
            began: now,
            ended: now,
            status: None,
            request_id: None,
            error: None,
        });
    }

    pub fn answered(&mut self, response: &HttpResponse) {
        let status = response.status().as_u16();
        let Some(exchange) = &mut self.exchange else { return };
        exchange.status = Some(status);
        if self.is_observed || status >= 400 {
            exchange.request_id = response.headers().get("x-amzn-requestid").map(str::to_owned);
        }
    }

    /// It ended in an error: the one that DynamoDB answered, or one of the way there.
    pub fn failed<E: Error + 'static>(&mut self, error: &SdkError<E>, code: Option<&str>) {
        if let Some(exchange) = self.exchange.as_mut().filter(|_| self.is_observed) {
            exchange.error = Some(code.unwrap_or_else(|| kind_of(error)).to_owned());
        }
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        let Some(mut exchange) = self.exchange.take() else { return };
        if self.is_observed {
            exchange.ended = Instant::now();
            if exchange.status.is_none() && exchange.error.is_none() {
                let word = if self.gate.has_passed() { "timeout" } else { "not_sent" };
                exchange.error = Some(word.to_owned());
            }
        }
        self.gate.journal().note(exchange);
    }
}

fn kind_of<E: Error + 'static>(error: &SdkError<E>) -> &'static str {
    if find_source::<Foreign>(error).is_some() {
        "foreign_answer"
    } else if find_source::<Unsent>(error).is_some()
        || find_source::<NobodyListens>(error).is_some()
    {
        "not_sent"
    } else if matches!(error, SdkError::ResponseError(_))
        || find_source::<Unreadable>(error).is_some()
    {
        "unreadable_answer"
    } else {
        "connection_lost"
    }
}

fn server(url: &str, region: &str) -> Server {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    Server {
        address: host.trim_matches(['[', ']']).to_owned(),
        port: url.as_ref().and_then(Url::port_or_known_default),
        region: region.to_owned(),
    }
}
