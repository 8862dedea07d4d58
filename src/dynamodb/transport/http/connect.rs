//! Makes connections: finds the host's addresses, tries them, goes through a proxy where there is
//! one, encrypts; all within one limit. Until that is done, nothing of a request has left.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use super::Unsent;
use super::encryption::Encryption;
use super::exchange::{Connection, ThroughProxy};
use super::listener::{Listener, NobodyListens};
use super::lookup;
use super::proxy::Proxies;
use super::socket::{self, Stream};
use crate::error::BalanceError;
use crate::options::Deadlines;

/// How much later than one address the next one is tried beside it. Source: RFC 8305, section 8.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    scheme: Scheme,
    authority: Authority,
    /// What is asked for there changes nothing, so that it may arrive late.
    is_harmless: bool,
}

impl Target {
    pub fn of(uri: &Uri) -> Result<Self, BoxError> {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                let (scheme, authority) = (scheme.clone(), authority.clone());
                Ok(Self { scheme, authority, is_harmless: false })
            }
            _ => Err("the request has no scheme or host".into()),
        }
    }

    /// For requests that change nothing: their connections end as servers like it.
    #[must_use]
    pub fn harmless(self) -> Self {
        Self { is_harmless: true, ..self }
    }

    fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    fn host(&self) -> &str {
        self.authority.host()
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// With its port always, as `CONNECT` wants it.
    fn host_and_port(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// Without the port that goes without saying.
    fn header(&self) -> Result<HeaderValue, Unsent> {
        let usual = if self.is_encrypted() { 443 } else { 80 };
        if self.port() == usual {
            HeaderValue::from_str(self.host())
        } else {
            HeaderValue::from_str(&self.host_and_port())
        }
        .map_err(|error| Unsent::because("its host cannot be spelt in a header", error))
    }

    fn url(&self) -> Option<Uri> {
        let builder = Uri::builder().scheme(self.scheme.clone());
        builder.authority(self.authority.clone()).path_and_query("/").build().ok()
    }
}

#[derive(Debug)]
pub struct Connector {
    encryption: Encryption,
    proxies: Proxies,
    deadlines: Deadlines,
    listener: Listener,
}

impl Connector {
    pub fn new(
        environment: &HashMap<String, String>,
        deadlines: Deadlines,
    ) -> Result<Self, BalanceError> {
        Ok(Self {
            encryption: Encryption::new(environment),
            proxies: Proxies::read(environment)?,
            deadlines,
            listener: Listener::default(),
        })
    }

    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// A fresh connection.
    pub async fn open(&self, target: &Target) -> Result<Connection, Unsent> {
        let until = Instant::now() + self.deadlines.connect;
        let (stream, proxy) = match target.url().and_then(|url| self.proxies.intercept(&url)) {
            None => (self.reach(target, until).await?, ThroughProxy::default()),
            Some(proxy) => self.reach_through(&proxy, target, until).await?,
        };
        let unusable = "the connection could not be used";
        if !target.is_harmless {
            socket::forbid_late_delivery(&stream, self.deadlines.attempt)
                .map_err(|error| Unsent::because(unusable, error))?;
        }
        Connection::new(stream, target.header()?, proxy)
            .await
            .map_err(|error| Unsent::because(unusable, error))
    }

    /// A connection to a target itself.
    async fn reach(&self, target: &Target, until: Instant) -> Result<Stream, Unsent> {
        let whom = target.host_and_port();
        let addresses = self
            .within(
                until,
                &format!("looking up {}", target.host()),
                lookup::addresses(target.host()),
            )
            .await?;
        let is_here = !target.is_harmless && addresses.iter().all(IpAddr::is_loopback);
        let socket = self
            .within(
                until,
                &format!("connecting to {whom}"),
                first_to_connect(addresses, target.port()),
            )
            .await;
        let socket = match socket {
            Err(unsent) if is_here && unsent.is_refusal() => {
                return Err(self.blame_absence(unsent, whom));
            }
            outcome => outcome?,
        };
        if is_here {
            self.listener.connected();
        }
        let address = socket.peer_addr().map(|address| address.ip());
        let stream: Stream = Box::new(socket);
        let outcome = if target.is_encrypted() {
            self.encrypt(stream, target, until).await
        } else {
            Ok(stream)
        };
        if let Ok(address) = address {
            lookup::note(target.host(), address, outcome.is_ok());
        }
        outcome
    }

    /// A connection to this machine was refused.
    fn blame_absence(&self, unsent: Unsent, host_and_port: String) -> Unsent {
        if self.listener.is_absent(Instant::now()) {
            Unsent::because("connecting failed", NobodyListens { host_and_port })
        } else {
            unsent
        }
    }

    async fn encrypt(
        &self,
        stream: Stream,
        target: &Target,
        until: Instant,
    ) -> Result<Stream, Unsent> {
        let settings = self.encryption.settings().await.map_err(Unsent::new)?;
        let name = ServerName::try_from(target.host().trim_matches(['[', ']']).to_owned())
            .map_err(|error| {
                Unsent::because("its host has no name that can be certified", error)
            })?;
        let handshake = TlsConnector::from(settings).connect(name, stream);
        let what = format!("the TLS handshake with {}", target.host_and_port());
        Ok(Box::new(self.within(until, &what, handshake).await?))
    }

    /// A connection to a target by way of a proxy. The proxy reads requests that are not
    /// encrypted; for the others it only connects.
    async fn reach_through(
        &self,
        proxy: &Intercept,
        target: &Target,
        until: Instant,
    ) -> Result<(Stream, ThroughProxy), Unsent> {
        let through =
            |error: Unsent| Unsent { summary: format!("by proxy: {}", error.summary), ..error };
        let at = Target::of(proxy.uri())
            .map_err(|error| Unsent::because("the proxy has no address", error))?;
        let stream = self.reach(&at, until).await.map_err(through)?;
        let authorization = proxy.basic_auth().cloned();
        if !target.is_encrypted() {
            return Ok((stream, ThroughProxy { reads_requests: true, authorization }));
        }
        let what = format!("the proxy {}", at.host_and_port());
        let tunnel = self.within(until, &what, tunnel(stream, target, authorization)).await?;
        let stream = self.encrypt(tunnel, target, until).await.map_err(through)?;
        Ok((stream, ThroughProxy::default()))
    }

    /// A step on the way.
    async fn within<T, E: Into<BoxError>>(
        &self,
        until: Instant,
        what: &str,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Unsent> {
        match timeout_at(until, step).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(Unsent::because(format!("{what} failed"), error)),
            Err(_elapsed) => {
                Err(Unsent::new(format!("{what} was not done within {:?}", self.deadlines.connect)))
            }
        }
    }
}

/// Tries addresses one after the other, each a little later than the one before or as soon as that
/// one has failed, and takes the first that answers: happy eyeballs, RFC 8305.
async fn first_to_connect(addresses: Vec<IpAddr>, port: u16) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            attempts.push(socket::connect(SocketAddr::new(address, port)));
        }
        let mut delay = pin!(sleep(ATTEMPT_DELAY));
        loop {
            tokio::select! {
                biased;
                outcome = attempts.next() => match outcome {
                    Some(Ok(stream)) => return Ok(stream),
                    Some(Err(error)) => {
                        failure = Some(error);
                        if waiting.len() > 0 { break; }
                    }
                    None => {
                        return Err(failure.unwrap_or_else(|| {
                            io::Error::new(io::ErrorKind::NotFound, "the host has no address")
                        }));
                    }
                },
                () = delay.as_mut(), if waiting.len() > 0 => break,
            }
        }
    }
}

/// The families take turns, beginning with the one that the resolver prefers.
fn alternate(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let prefers_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (preferred, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == prefers_v6);
    let turns = preferred.len().max(others.len());
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    (0..turns).flat_map(|_| [preferred.next(), others.next()]).flatten().collect()
}

/// Asks a proxy to connect to a target. What then passes, it does not read.
async fn tunnel(
    stream: Stream,
    target: &Target,
    authorization: Option<HeaderValue>,
) -> Result<Stream, BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let whom = target.host_and_port();
    let mut request = Request::builder().method(Method::CONNECT).uri(&whom).header(HOST, &whom);
    if let Some(authorization) = authorization {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    let mut answer = pin!(sender.send_request(request.body(String::new())?));
    let mut connection = pin!(connection.without_shutdown());
    let mut ended = None;
    let answer = poll_fn(|context| {
        if ended.is_none()
            && let Poll::Ready(outcome) = connection.as_mut().poll(context)
        {
            ended = Some(outcome);
        }
        answer.as_mut().poll(context)
    })
    .await?;
    match answer.status() {
        status if status.is_success() => {}
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return Err(
                "it wants a user name and password (407), or others than it was given".into()
            );
        }
        status => return Err(format!("it answered CONNECT {whom} with {status}").into()),
    }
    let parts = match ended {
        Some(outcome) => outcome?,
        None => connection.await?,
    };
    if parts.read_buf.is_empty() {
        Ok(parts.io.into_inner())
    } else {
        Err("it sent more than an answer to CONNECT".into())
    }
}

#[cfg(test)]
mod tests;
