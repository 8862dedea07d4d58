//! One connection, and one request and its answer on it.
//!
//! The connection is driven by whoever waits for the answer, and by no task of its own: dropping
//! the wait drops the socket in the same instant, and a request costs no wake-up of another task.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::idle::Moment;
use super::socket::{self, Stream};

/// The largest answer is a cancelled transaction with the 4 MB of items that one may be about
/// (Amazon DynamoDB Developer Guide, *Quotas*: "Transactions"); JSON spells a byte of an item with
/// at most 7 characters. Balances and pages of a scan (1 MB) are smaller.
const MAX_BODY: usize = 32 << 20;

pub type Answer = Response<Vec<u8>>;

/// What a connection leads through, if not directly to the server.
#[derive(Clone, Debug, Default)]
pub struct ThroughProxy {
    /// Requests name the whole URL, because the proxy reads them.
    pub reads_requests: bool,
    pub authorization: Option<HeaderValue>,
}

/// In a box, because connections are handed around for every request.
type Driver = Box<http1::Connection<TokioIo<Stream>, SdkBody>>;

pub struct Connection {
    sender: SendRequest<SdkBody>,
    /// `None` once the connection has ended.
    driver: Option<Driver>,
    host: HeaderValue,
    proxy: ThroughProxy,
    /// When it was last known to work: opened or answered.
    pub proven: Moment,
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nothing of it was written.
    GivenBack(Box<Request<SdkBody>>),
    Lost(hyper::Error),
    Unreadable(BoxError),
}

impl Connection {
    pub async fn new(
        stream: Stream,
        host: HeaderValue,
        proxy: ThroughProxy,
    ) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::new(driver)), host, proxy, proven: Moment::now() })
    }

    /// Gives a request what this connection wants to see in it.
    pub fn address(&self, request: &mut Request<SdkBody>, uri: &Uri) {
        *request.uri_mut() = match uri.path_and_query() {
            Some(path) if !self.proxy.reads_requests => Uri::from(path.clone()),
            _ => uri.clone(),
        };
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
        if let (true, Some(value)) = (self.proxy.reads_requests, &self.proxy.authorization) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: Request<SdkBody>) -> Result<Answer, Failure> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let head = poll_fn(|context| {
            drive(driver, context);
            answer.as_mut().poll(context)
        })
        .await;
        let (parts, body) = match head {
            Ok(response) => response.into_parts(),
            Err(mut error) => {
                return Err(match error.take_message() {
                    Some(request) => Failure::GivenBack(Box::new(request)),
                    None => Failure::Lost(error.into_error()),
                });
            }
        };
        let body = self.read(body).await.map_err(Failure::Unreadable)?;
        self.proven = Moment::now();
        Ok(Response::from_parts(parts, body))
    }

    async fn read(&mut self, mut body: Incoming) -> Result<Vec<u8>, BoxError> {
        let expected = body.size_hint().lower().try_into().unwrap_or(MAX_BODY);
        if expected > MAX_BODY {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(expected);
        poll_fn(|context| {
            loop {
                drive(&mut self.driver, context);
                match ready!(Pin::new(&mut body).poll_frame(context)) {
                    None => return Poll::Ready(Ok(())),
                    Some(Err(error)) => return Poll::Ready(Err(error.into())),
                    Some(Ok(frame)) => {
                        let data = frame.into_data().unwrap_or_default();
                        if bytes.len() + data.len() > MAX_BODY {
                            return Poll::Ready(Err(too_large()));
                        }
                        bytes.extend_from_slice(&data);
                    }
                }
            }
        })
        .await?;
        Ok(bytes)
    }

    /// Whether another request may go out. Notices what the server did in the meantime, above all
    /// that it closed the connection.
    pub fn is_ready(&mut self, context: &mut Context<'_>) -> bool {
        drive(&mut self.driver, context);
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Closes a connection on which nothing is under way, as servers like it.
    pub fn close(self) {
        if let Some(driver) = self.driver {
            socket::close(&driver.into_parts().io.into_inner());
        }
    }
}

/// Lets a connection read and write what it can. One that has ended is dropped, which answers
/// whoever still waits for something from it.
fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    let Some(connection) = driver else { return };
    if Pin::new(connection.as_mut()).poll(context).is_ready() {
        *driver = None;
    }
}

fn too_large() -> BoxError {
    format!("it is larger than {MAX_BODY} bytes").into()
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}
